"""The screens of a rollout: one view of its record and history, shown as a page, a widget or in a terminal.

    view        record + history → RolloutView              timeline    the decisions in rows
    history     the facts of one line, and their words      hints       the commands that are possible now
    chart_data  the numbers of each metric over time
    svg         lines, bands and dots                       markup      elements, with everything escaped
    charts      one figure each: weight, rates, evidence    style       the style sheet, light and dark
    formatting  numbers in few characters                   sections    the parts of page and widget
    page        the report as an HTML file                  widget      the widget of a CloudWatch dashboard

Pure: no clock, no environment, no I/O. All screens show the same view.
"""
