"""Who may judge a delivery or change a parameter, and what a dead run left behind."""
