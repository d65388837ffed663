"""Training the hint decoder: a simulated person, the loss, and clicks on photos held out."""
