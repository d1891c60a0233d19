"""Bytes to core types and back: one file per profile format.

======================  ===============  ====================================================================
module                  reads / writes   format
======================  ===============  ====================================================================
``pprof``               both             google/pprof's protobuf, gzip'd or not: Go, Python, Node, most others
``pprof_scan``          reads            the same, values and stack keys alone, for the store's steady state
``folded``              both             one line per stack, for flamegraph.pl and its kin
``speedscope``          writes           https://www.speedscope.app
``flamebearer``         writes           the flame graph of Pyroscope and of Grafana's panel
``flame_payload``       writes           the flame graph of this product's own pages, as typed columns
======================  ===============  ====================================================================

``compression`` unpacks gzip and zstd within a bound; ``engine`` chooses between the compiled parser of pprof messages
and its pure-Python twin, ``build_fast`` builds the compiled one.
"""
