"""From the ledger to an answer: tables, statistics, figures and one report."""
