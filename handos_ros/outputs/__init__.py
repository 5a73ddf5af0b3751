"""What is published about each image, and on /tf."""
