"""Bundle -> one page of HTML that an auditor opens in a browser, without a network: `airpack report`.

Charts are SVG, laid out here and drawn by the template; nothing in the page is a script.
"""
