"""The hands of a video in three lines: which hand it is, and where its wrist is.

Run: python examples/three_lines.py
"""

from handos_model import hands_in

for result in hands_in("demo/clip.mp4", field_of_view=60):
    for hand in result.hands:
        print(f"{result.frame.stamp:.2f} s: {hand.handedness} wrist at {hand.joints_3d[0]} m of the camera")
