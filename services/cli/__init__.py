"""The command line: parse, one call, render. The only door to typer, rich and matplotlib.

    main        the console script: from a command line to an exit code
    surface     the table of all verbs, arguments and options: what `coord` can do, on one page
                (with house_verbs and oversight_verbs; examples has what people type)
    parse       reads a plain command line by that table, without typer
    app         typer over the same table: a sentence for every other command line
    page        the help pages; manual: the same as a manual page
    completion  the scripts of the shells; completing answers them, candidates knows what may come next
    call        one call of a verb: its values, settings, folder, and how its outcome is shown
    lines       ids from stdin, out of our own lists too
    past        questions as of a past moment
    values      from text to value, or one sentence
    safe        makes text from elsewhere safe to print
    terminal    stdout is data, stderr is talk; colours and widths
    render      tables and what their cells mean
    bars        how far something is that takes long
    fences      the fences this machine's agents were given

and a module a family of verbs: work (with scenarios), agents, alerts, runs, plotting (with picture), directing,
events, health, machines, house, training, watchdog, verify, claims, otlp, tui, and doctor with its checks (finding,
checks, server_checks, export_checks). The light client is coord.services.client.
"""
