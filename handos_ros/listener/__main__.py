"""``python -m handos_ros.listener``: the listener."""

from handos_ros.listener.node import main

main()
