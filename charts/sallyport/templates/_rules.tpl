{{/* Made of operator/rbac.ts by `npm run chart`. */}}
{{- define "sallyport.clusterRules" -}}
- apiGroups:
    - ""
  resources:
    - namespaces
  verbs:
    - get
    - list
    - watch
{{- end -}}
{{- define "sallyport.namespacedRules" -}}
- apiGroups:
    - sallyport.dev
  resources:
    - reversetunnels
  verbs:
    - get
    - list
    - watch
    - patch
- apiGroups:
    - sallyport.dev
  resources:
    - tunnelroutes
  verbs:
    - get
    - list
    - watch
- apiGroups:
    - sallyport.dev
  resources:
    - reversetunnels/status
    - tunnelroutes/status
  verbs:
    - patch
- apiGroups:
    - sallyport.dev
  resources:
    - reversetunnels/finalizers
  verbs:
    - update
- apiGroups:
    - ""
  resources:
    - services
    - configmaps
    - secrets
  verbs:
    - get
    - list
    - watch
    - create
    - patch
    - delete
- apiGroups:
    - ""
  resources:
    - pods
  verbs:
    - get
    - list
    - watch
    - patch
- apiGroups:
    - apps
  resources:
    - deployments
  verbs:
    - get
    - list
    - watch
    - create
    - patch
    - delete
- apiGroups:
    - policy
  resources:
    - poddisruptionbudgets
  verbs:
    - get
    - list
    - watch
    - create
    - patch
    - delete
- apiGroups:
    - networking.k8s.io
  resources:
    - networkpolicies
  verbs:
    - get
    - list
    - watch
    - create
    - patch
    - delete
- apiGroups:
    - cert-manager.io
  resources:
    - certificates
  verbs:
    - get
    - list
    - watch
    - create
    - patch
    - delete
- apiGroups:
    - gateway.networking.k8s.io
  resources:
    - referencegrants
  verbs:
    - get
    - list
    - watch
- apiGroups:
    - events.k8s.io
  resources:
    - events
  verbs:
    - create
    - patch
{{- end -}}
{{- define "sallyport.leaderElectionRules" -}}
- apiGroups:
    - coordination.k8s.io
  resources:
    - leases
  verbs:
    - get
    - create
    - update
{{- end -}}
