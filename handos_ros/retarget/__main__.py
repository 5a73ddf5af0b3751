"""``python -m handos_ros.retarget``: the node `retarget`."""

from handos_ros.retarget.node import main

main()
