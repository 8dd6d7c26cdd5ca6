"""The wrapper that holds claims for commands: `coord work` and `coord run`.

    claim --> start the command --> renew every third of the lease --> complete, fail or release by its exit code
                     `--> the lease is lost: the command is ended

loop                  descriptors, timers and signals of one thread
asking                one command to the coordinator, asked again under the same id until it is answered
template, outcome     what is run for an item, and what its end means; pure
child, passing        the process group that runs it; what it writes, passed on without ever being waited for
keeper                a process that ends the groups when this one cannot
holding               one held item, from its claim to its report
company               which processes work under one agent's name: the last one retires it
worker                claims, renewals, signals, and when it is over

One thread and little of the standard library: asyncio alone would add half of what a worker takes (8 MiB to 16), and a
process with threads may not run code between fork and exec.
"""
