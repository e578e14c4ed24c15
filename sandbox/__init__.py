"""An AWS on this machine to try Aceite with, made from the contracts. It needs no account and no Docker."""
