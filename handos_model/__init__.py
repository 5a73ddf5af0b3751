"""HandOS: hands of a camera image as 2D joints, 3D joints and meshes in metres. Knows nothing of ROS."""
