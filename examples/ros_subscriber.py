"""The smallest ROS 2 subscriber to the node: where the hands are, and when the image was taken.

Run: ros2 launch handos_ros handos.launch.py image:=/camera/image_raw     in one terminal
     python examples/ros_subscriber.py                                    in another, with the same workspace sourced
"""

from contextlib import suppress

try:
    import rclpy
    from rclpy.executors import ExternalShutdownException
    from rclpy.qos import qos_profile_sensor_data

    from handos_ros.msg import HandArray
except ImportError as error:
    raise SystemExit(f"{error}: source the workspace that handos_ros was built in") from error

SIDES = ("unknown", "left", "right")


def print_hands(message: HandArray) -> None:
    """One line for each hand of an image."""
    stamp = f"{message.header.stamp.sec}.{message.header.stamp.nanosec:09d}"
    for hand in message.hands:
        wrist = [round(metres, 3) for metres in hand.joints_3d[:3]]  # empty where there is no camera_info
        print(f"{stamp} #{hand.id} {SIDES[hand.handedness]} {hand.score:.2f} {wrist}", flush=True)


def main() -> None:
    """Print what /handos/hands says until Ctrl-C."""
    rclpy.init()
    node = rclpy.create_node("hand_printer")
    node.create_subscription(HandArray, "/handos/hands", print_hands, qos_profile_sensor_data)
    with suppress(KeyboardInterrupt, ExternalShutdownException):
        rclpy.spin(node)


if __name__ == "__main__":
    main()
