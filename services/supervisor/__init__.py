"""`coord up` and `coord serve`: the server and the services as processes, watched, restarted, stopped in order.

up        start everything, wait until it serves, watch; or the same in the background, and `down`
serve     run one service in this process
children  the services' processes: forked, logged, told apart by pid and start time
custody   the server: restarted when it dies or can no longer write
brake     how long to wait before a restart, so that what cannot live does not spin
"""
