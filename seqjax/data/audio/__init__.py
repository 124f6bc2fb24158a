"""Sound: its files, what an ear hears of it, what is said in it."""
