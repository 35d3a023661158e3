"""Chaos: real worker processes, real PostgreSQL, a real broker, and a simulated AWS that journals each call with its effect.

Processes are killed, frozen and restarted at bad moments; afterwards rows, ledger and the simulator's journal are
compared. `./toban test -m chaos` runs the small storms of the suite, `./toban bench chaos` the full one (3,000
operations, 200 SIGKILLs, 20 SIGSTOPs; a few minutes).
"""
