"""The command line: parse, one call, render. The only door to typer.

    main        the console script: from a command line to an exit code
    surface     the table of all verbs, arguments and options: what `coord` can do, on one page
    parse       reads a plain command line by that table, without typer
    app, page   typer over the same table: help pages, and a sentence for every other command line
    call        one call of a verb: its values, settings, folder, and how its outcome is shown
    client      one HTTP request over a service's unix socket; what became of it, as an error of the tree
    values      from text to value, or one sentence
    safe        makes text from elsewhere safe to print
    terminal    stdout is data, stderr is talk
    render      tables, ages, sizes
    fences      the fences this machine's agents were given

and a module a family of verbs: work, agents, alerts, runs, directing, events, health, machines, house, and
doctor with its checks (finding, checks, server_checks).
"""
