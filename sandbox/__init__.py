"""WHERE TO TRY: an AWS on this machine, made from the contracts. No account, no docker."""
