"""Definitions of the messages in MCAP files: those of handos_ros, and Foxglove's for what it draws.

Readers decode a message by the definition in the file. Those of handos_ros are the fields of msg/*.msg; Foxglove
publishes the others as foxglove_msgs.
"""

from typing import Final

from rosbags.typesys import Stores, get_types_from_msg, get_typestore
from rosbags.typesys.store import Typestore

_DEFINITIONS: Final = {
    "handos_ros/msg/Hand": """
        uint8 STATE_TRACKED=0
        uint8 STATE_COASTING=1
        uint8 STATE_TENTATIVE=2
        uint8 HANDEDNESS_UNKNOWN=0
        uint8 HANDEDNESS_LEFT=1
        uint8 HANDEDNESS_RIGHT=2
        uint32 id
        uint8 state
        uint8 handedness
        float32 handedness_score
        float32 score
        float32[4] box
        float32[42] joints_2d
        float32[21] joint_scores
        float32[<=63] joints_3d
        float32[<=21] joint_sigma
        float32[] vertices
        float32 depth_residual
        geometry_msgs/Pose wrist_pose
    """,
    "handos_ros/msg/HandArray": """
        uint8 INTRINSICS_NONE=0
        uint8 INTRINSICS_CALIBRATED=1
        uint8 INTRINSICS_ASSUMED=2
        std_msgs/Header header
        Hand[] hands
        string topology_id
        uint8 intrinsics
        float32[9] k
        builtin_interfaces/Time received
        builtin_interfaces/Time started
        builtin_interfaces/Time finished
        uint64 dropped
        string operator_name
        float32 operator_scale
    """,
    "handos_ros/msg/HandTopology": """
        string id
        string[] joint_names
        int32[] joint_parents
        uint32 vertex_count
        uint32[] faces_right
        uint32[] faces_left
    """,
    "foxglove_msgs/msg/SceneUpdate": """
        SceneEntityDeletion[] deletions
        SceneEntity[] entities
    """,
    "foxglove_msgs/msg/SceneEntityDeletion": """
        builtin_interfaces/Time timestamp
        uint8 MATCHING_ID=0
        uint8 ALL=1
        uint8 type
        string id
    """,
    "foxglove_msgs/msg/SceneEntity": """
        builtin_interfaces/Time timestamp
        string frame_id
        string id
        builtin_interfaces/Duration lifetime
        bool frame_locked
        KeyValuePair[] metadata
        ArrowPrimitive[] arrows
        CubePrimitive[] cubes
        SpherePrimitive[] spheres
        CylinderPrimitive[] cylinders
        LinePrimitive[] lines
        TriangleListPrimitive[] triangles
        TextPrimitive[] texts
        ModelPrimitive[] models
    """,
    "foxglove_msgs/msg/KeyValuePair": """
        string key
        string value
    """,
    "foxglove_msgs/msg/Color": """
        float64 r
        float64 g
        float64 b
        float64 a
    """,
    "foxglove_msgs/msg/ArrowPrimitive": """
        geometry_msgs/Pose pose
        float64 shaft_length
        float64 shaft_diameter
        float64 head_length
        float64 head_diameter
        Color color
    """,
    "foxglove_msgs/msg/CubePrimitive": """
        geometry_msgs/Pose pose
        geometry_msgs/Vector3 size
        Color color
    """,
    "foxglove_msgs/msg/SpherePrimitive": """
        geometry_msgs/Pose pose
        geometry_msgs/Vector3 size
        Color color
    """,
    "foxglove_msgs/msg/CylinderPrimitive": """
        geometry_msgs/Pose pose
        geometry_msgs/Vector3 size
        float64 bottom_scale
        float64 top_scale
        Color color
    """,
    "foxglove_msgs/msg/LinePrimitive": """
        uint8 LINE_STRIP=0
        uint8 LINE_LOOP=1
        uint8 LINE_LIST=2
        uint8 type
        geometry_msgs/Pose pose
        float64 thickness
        bool scale_invariant
        geometry_msgs/Point[] points
        Color color
        Color[] colors
        uint32[] indices
    """,
    "foxglove_msgs/msg/TriangleListPrimitive": """
        geometry_msgs/Pose pose
        geometry_msgs/Point[] points
        Color color
        Color[] colors
        uint32[] indices
    """,
    "foxglove_msgs/msg/TextPrimitive": """
        geometry_msgs/Pose pose
        bool billboard
        float64 font_size
        bool scale_invariant
        Color color
        string text
    """,
    "foxglove_msgs/msg/ModelPrimitive": """
        geometry_msgs/Pose pose
        geometry_msgs/Vector3 scale
        Color color
        bool override_color
        string url
        string media_type
        uint8[] data
    """,
    "foxglove_msgs/msg/ImageAnnotations": """
        builtin_interfaces/Time timestamp
        CircleAnnotation[] circles
        PointsAnnotation[] points
        TextAnnotation[] texts
        KeyValuePair[] metadata
    """,
    "foxglove_msgs/msg/Point2": """
        float64 x
        float64 y
    """,
    "foxglove_msgs/msg/CircleAnnotation": """
        builtin_interfaces/Time timestamp
        Point2 position
        float64 diameter
        float64 thickness
        Color fill_color
        Color outline_color
        KeyValuePair[] metadata
    """,
    "foxglove_msgs/msg/PointsAnnotation": """
        builtin_interfaces/Time timestamp
        uint8 UNKNOWN=0
        uint8 POINTS=1
        uint8 LINE_LOOP=2
        uint8 LINE_STRIP=3
        uint8 LINE_LIST=4
        uint8 type
        Point2[] points
        Color outline_color
        Color[] outline_colors
        Color fill_color
        float64 thickness
        KeyValuePair[] metadata
    """,
    "foxglove_msgs/msg/TextAnnotation": """
        builtin_interfaces/Time timestamp
        Point2 position
        string text
        float64 font_size
        Color text_color
        Color background_color
        KeyValuePair[] metadata
    """,
}


def message_types() -> Typestore:
    """Types of ROS 2, handos_ros and foxglove_msgs."""
    types = get_typestore(Stores.ROS2_HUMBLE)
    for name, definition in _DEFINITIONS.items():
        types.register(get_types_from_msg(definition, name))
    return types
