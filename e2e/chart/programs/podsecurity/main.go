// podsecurity reads Kubernetes objects, YAML or JSON, from standard input and holds every pod and pod template against
// Pod Security "restricted", by the library that the API server's admission uses. It prints each violation and how many
// pods it has seen, and ends with 1 when there was a violation.
package main

import (
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"os"

	corev1 "k8s.io/api/core/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/util/yaml"
	"k8s.io/pod-security-admission/api"
	"k8s.io/pod-security-admission/policy"
)

// Kinds that are looked at: Pod, and those with a pod template in their spec.
var kinds = map[string]bool{"Pod": true, "Deployment": true, "DaemonSet": true, "StatefulSet": true, "Job": true}

type object struct {
	metav1.TypeMeta   `json:",inline"`
	metav1.ObjectMeta `json:"metadata"`
	Spec              struct {
		corev1.PodSpec `json:",inline"`
		Template       *corev1.PodTemplateSpec `json:"template"`
	} `json:"spec"`
}

func main() {
	evaluator, err := policy.NewEvaluator(policy.DefaultChecks())
	if err != nil {
		fail(err)
	}
	pods, violations := 0, 0
	decoder := yaml.NewYAMLOrJSONDecoder(os.Stdin, 4096)
	for {
		var raw json.RawMessage
		if err := decoder.Decode(&raw); errors.Is(err, io.EOF) {
			break
		} else if err != nil {
			fail(err)
		}
		var kind metav1.TypeMeta
		if err := json.Unmarshal(raw, &kind); err != nil {
			fail(err)
		}
		if !kinds[kind.Kind] {
			continue
		}
		var one object
		if err := json.Unmarshal(raw, &one); err != nil {
			fail(err)
		}
		meta, spec := &one.ObjectMeta, &one.Spec.PodSpec
		if one.Spec.Template != nil {
			meta, spec = &one.Spec.Template.ObjectMeta, &one.Spec.Template.Spec
		}
		pods++
		level := api.LevelVersion{Level: api.LevelRestricted, Version: api.LatestVersion()}
		if result := policy.AggregateCheckResults(evaluator.EvaluatePod(level, meta, spec)); !result.Allowed {
			violations++
			fmt.Printf("%s %s: %s\n", one.Kind, one.Name, result.ForbiddenDetail())
		}
	}
	fmt.Printf("%d pods, %d violations\n", pods, violations)
	if violations > 0 {
		os.Exit(1)
	}
}

func fail(err error) {
	fmt.Fprintln(os.Stderr, err)
	os.Exit(2)
}
