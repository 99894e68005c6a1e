"""The seven pretraining sets of pretrain-where, one per continent and a global one."""
