"""A share of a GPU: what several processes on one device have agreed on is kept to."""


def limit_gpu_memory(share: float) -> None:
    """Let this process use no more of its GPU's memory than its share; whole devices are whole.

    A scheduler's fractions are bookkeeping alone: without a limit, the first process takes what it
    likes and the next one runs out of memory.
    """
    if not 0 < share < 1:
        return
    import torch  # local: who has no share of a GPU need not have torch

    if torch.cuda.is_available():
        torch.cuda.set_per_process_memory_fraction(share)
