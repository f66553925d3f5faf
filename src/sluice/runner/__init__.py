"""Plans and executes runs: closures, order, looks, batches, the journal and the calls. It decides nothing."""
