#!/usr/bin/env bash
# One sweep on <<slurm.nodes>> nodes: sbatch slurm.sh
# The first node is the head and drives. Stopped by Slurm, the sweep saves what it has and the job is
# queued again; the same command then goes on. Keys of the store come from the environment.
#SBATCH --job-name=<<name>>
#SBATCH --partition=<<slurm.partition>>
#SBATCH --nodes=<<slurm.nodes>>
#SBATCH --ntasks-per-node=1
#SBATCH --cpus-per-task=<<gpu_workers.cpus>>
#SBATCH --mem=<<gpu_workers.memory_gib>>G
#SBATCH --gpus-per-node=<<gpu_workers.gpus>>
#SBATCH --time=<<slurm.hours>>:00:00
#SBATCH --signal=B:TERM@180
#SBATCH --requeue
#SBATCH --open-mode=append
set -euo pipefail
umask 077

source "<<slurm.environment>>/bin/activate"
export RAY_AUTH_MODE=token
RAY_AUTH_TOKEN="${RAY_AUTH_TOKEN:-$(python -c 'import secrets; print(secrets.token_hex(32))')}"
export RAY_AUTH_TOKEN
export TERRASWEEP_STORE="${TERRASWEEP_STORE:-<<store>>}"

mapfile -t nodes < <(scontrol show hostnames "$SLURM_JOB_NODELIST")
head="${nodes[0]}"
head_ip="$(srun --nodes=1 --ntasks=1 --nodelist="$head" hostname --ip-address | cut -d' ' -f1)"
port="$((20000 + SLURM_JOB_ID % 10000))"
share=(--num-cpus="$SLURM_CPUS_PER_TASK" --num-gpus=<<gpu_workers.gpus>> --block)

srun --overlap --nodes=1 --ntasks=1 --nodelist="$head" \
  ray start --head --node-ip-address="$head_ip" --port="$port" --dashboard-host=127.0.0.1 \
  "${share[@]}" &
until ray health-check --address "$head_ip:$port" > /dev/null 2>&1; do sleep 2; done
for node in "${nodes[@]:1}"; do
  srun --overlap --nodes=1 --ntasks=1 --nodelist="$node" \
    ray start --address="$head_ip:$port" "${share[@]}" &
done

terrasweep run "<<sweep>>" --address "$head_ip:$port" &
sweep="$!"
trap 'kill -TERM "$sweep"' TERM
wait "$sweep" || true  # ends early when Slurm asks to stop; the sweep then saves what it has
trap - TERM
code=0
wait "$sweep" || code="$?"
if [ "$code" -eq 143 ]; then scontrol requeue "$SLURM_JOB_ID"; fi
exit "$code"
