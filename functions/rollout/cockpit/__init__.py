"""What a rollout looks like to a person: one view of its record and history, shown as a page, a widget or a terminal.

    view       record + history → RolloutView               story      what was decided, by whom, what it changed
    charted    the numbers of each metric over time          hints      what a person can do about it now
    svg        lines, bands and dots                         markup     elements, with everything escaped
    charts     one figure each: weight, rates, evidence      style      the one style sheet, light and dark
    words      numbers in few characters                     sections   the parts that page and widget are made of
    page       the report, a page of its own                 widget     the same in a CloudWatch dashboard

Pure: no clock, no environment, no I/O. Whatever is shown comes from the view; nothing is computed twice.
"""
