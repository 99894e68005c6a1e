"""The way of one sample: shard, sample, pretrain, encode, finetune; Ray Data and Ray Train."""
