"""People judge what systems wrote, without knowing which system wrote it.

`sheet` is what is asked, `drawing` makes one from scored runs, `journal` keeps a rater's answers, `server` shows the
page, `table` is the same on paper, `results` says what the answers come to.
"""
