#!/usr/bin/env bash
# A Kubernetes cluster of one node: its programs, under this script, which ends when one of them does. Certificates, keys
# and kubeconfigs were laid into /etc/kubernetes before the start; what is in /opt/definitions is applied before anything
# looks for kinds. NODE_NAME names the node, KUBELET_ARGS are added to the kubelet's arguments.
set -euo pipefail

kubernetes=/etc/kubernetes
pki=$kubernetes/pki
logs=/var/log/kubernetes
dns_address=169.254.20.10
service_range=10.96.0.0/16
pod_range=10.244.0.0/16
ready_limit_s=120
declare -A pids=()

main() {
  prepare_mounts
  mkdir -p "$logs" /run/containerd
  trap stop TERM INT
  start_control_plane
  start_node
  wait_until "node $NODE_NAME is Ready" node_is_ready
  wait_until "there is a default service account" kubectl get serviceaccount default
  wait_until "CoreDNS is ready" coredns_is_ready
  echo "CLUSTER READY after $SECONDS s"
  wait -n "${pids[@]}" || true
  check_running
}

# Pods' cgroups are made below this container's own, and it sees no others.
separate_cgroups() {
  if [[ -f /sys/fs/cgroup/cgroup.controllers ]]; then
    # Version 2: a group that hands on controllers may hold no process itself.
    mkdir -p /sys/fs/cgroup/init
    local pid
    while read -r pid; do echo "$pid" 2>/dev/null >/sys/fs/cgroup/init/cgroup.procs || true; done </sys/fs/cgroup/cgroup.procs
    sed 's/\(^\| \)/ +/g' /sys/fs/cgroup/cgroup.controllers >/sys/fs/cgroup/cgroup.subtree_control
    exec "$0" inner
  fi
  exec unshare --cgroup --mount --propagation unchanged "$0" inner
}

prepare_mounts() {
  if [[ ! -f /sys/fs/cgroup/cgroup.controllers ]]; then mount_old_cgroups; fi
  mount --make-rshared /
  if [[ ! -e /dev/kmsg ]]; then ln -s /dev/console /dev/kmsg; fi
}

mount_old_cgroups() {
  local names name folder
  names=$(awk -F: '$2 != "" { print $2 }' /proc/self/cgroup)
  umount --recursive /sys/fs/cgroup
  mount -t tmpfs -o mode=755 cgroup /sys/fs/cgroup
  for name in $names; do
    folder=/sys/fs/cgroup/${name#name=}
    mkdir -p "$folder"
    mount -t cgroup -o "$name" cgroup "$folder"
  done
}

start_control_plane() {
  local etcd=http://127.0.0.1:2379 peer=http://127.0.0.1:2380
  start etcd --name=e2e --data-dir=/var/lib/etcd/data --unsafe-no-fsync --initial-cluster="e2e=$peer" \
    --listen-client-urls="$etcd" --advertise-client-urls="$etcd" \
    --listen-peer-urls="$peer" --initial-advertise-peer-urls="$peer"
  start kube-apiserver --etcd-servers="$etcd" --secure-port=6443 --allow-privileged=true \
    --service-cluster-ip-range="$service_range" \
    --authorization-mode=Node,RBAC --enable-admission-plugins=NodeRestriction \
    --client-ca-file="$pki/ca.crt" --tls-cert-file="$pki/apiserver.crt" --tls-private-key-file="$pki/apiserver.key" \
    --kubelet-certificate-authority="$pki/ca.crt" --kubelet-preferred-address-types=Hostname \
    --kubelet-client-certificate="$pki/apiserver-kubelet.crt" --kubelet-client-key="$pki/apiserver-kubelet.key" \
    --service-account-issuer=https://kubernetes.default.svc.cluster.local \
    --service-account-key-file="$pki/accounts.pub" --service-account-signing-key-file="$pki/accounts.key"
  start containerd
  wait_until "kube-apiserver is ready" kubectl get --raw=/readyz
  define
  start kube-controller-manager --kubeconfig="$kubernetes/controller-manager.conf" --leader-elect=false \
    --use-service-account-credentials=true --root-ca-file="$pki/ca.crt" \
    --service-account-private-key-file="$pki/accounts.key" --kube-api-qps=200 --kube-api-burst=400 \
    --allocate-node-cidrs=true --cluster-cidr="$pod_range" --service-cluster-ip-range="$service_range"
  start kube-scheduler --kubeconfig="$kubernetes/scheduler.conf" --leader-elect=false
}

define() {
  if [[ ! -d /opt/definitions ]]; then return; fi
  kubectl apply --server-side --filename=/opt/definitions
  kubectl wait --for=condition=Established customresourcedefinitions --all --timeout=30s
}

start_node() {
  ip address add "$dns_address/32" dev lo
  start coredns -conf "$kubernetes/Corefile"
  wait_until "containerd answers" ctr version
  ctr --namespace=k8s.io images import /opt/images/pause.tar >/dev/null
  # shellcheck disable=SC2086 # several arguments
  start kubelet --config="$kubernetes/kubelet.yaml" --kubeconfig="$kubernetes/kubelet.conf" \
    --hostname-override="$NODE_NAME" ${KUBELET_ARGS:-}
  start kube-proxy --config="$kubernetes/kube-proxy.yaml" --hostname-override="$NODE_NAME"
}

node_is_ready() {
  [[ $(kubectl get node "$NODE_NAME" --output='jsonpath={.status.conditions[?(@.type=="Ready")].status}') == True ]]
}

coredns_is_ready() {
  exec 3<>/dev/tcp/127.0.0.1/8181
  printf 'GET /ready HTTP/1.0\r\n\r\n' >&3
  grep -q '^HTTP/1.. 200' <&3
}

# start PROGRAM ARGUMENT…
start() {
  "$@" >"$logs/$1.log" 2>&1 &
  pids[$1]=$!
}

# wait_until WHAT COMMAND…: until the command succeeds. Ends the script when a program has ended, or after the limit.
wait_until() {
  local what=$1 limit=$((SECONDS + ready_limit_s))
  shift
  until ("$@") >/dev/null 2>&1; do
    check_running
    if ((SECONDS > limit)); then
      echo "not within $ready_limit_s s: $what" >&2
      tail -n 5 "$logs"/*.log >&2
      exit 1
    fi
    sleep 0.1
  done
}

check_running() {
  local name
  for name in "${!pids[@]}"; do
    if kill -0 "${pids[$name]}" 2>/dev/null; then continue; fi
    echo "$name has ended:" >&2
    tail -n 20 "$logs/$name.log" >&2
    exit 1
  done
}

stop() {
  kill "${pids[@]}" 2>/dev/null || true
  exit 0
}

if [[ ${1:-} != inner ]]; then separate_cgroups; fi
main
