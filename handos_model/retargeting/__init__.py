"""From a hand to a robot's: retargeting to the joints of a robot hand, grip signals, OpenXR's 26 joints."""
