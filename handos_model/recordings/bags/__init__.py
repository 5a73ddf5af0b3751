"""Reading rosbag2 recordings, without ROS."""
