# mistake: the class is picked from the scores inside the timed region
# cell: part2-timing
# loses: part2-timing-region
# --- old
        model.forward(row)
# --- new
        np.argmax(_array(model.forward(row)), axis=1)
