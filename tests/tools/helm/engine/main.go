// Renders template expressions with Helm's own engine: the oracle of the tests of crates/helm-chart.
//
// It reads one JSON document from standard input, renders each expression as a chart of its own, and writes one JSON
// document with the results. One process renders thousands of expressions, which the helm program cannot do.
package main

import (
	"encoding/json"
	"fmt"
	"os"

	"helm.sh/helm/v4/pkg/chart/common"
	"helm.sh/helm/v4/pkg/chart/common/util"
	chart "helm.sh/helm/v4/pkg/chart/v2"
	"helm.sh/helm/v4/pkg/engine"
	"sigs.k8s.io/yaml"
)

type request struct {
	// Values is a values file, as YAML.
	Values string `json:"values"`
	// Partials is the content of templates/_partials.tpl.
	Partials string `json:"partials"`
	// Expressions are the contents of templates/t.txt, one chart for each.
	Expressions []string `json:"expressions"`
}

type result struct {
	// Output is the rendered text (base64 in JSON, because it does not have to be UTF-8).
	Output []byte `json:"output"`
	// Error is the error of the rendering.
	Error string `json:"error,omitempty"`
}

func main() {
	var asked request
	if err := json.NewDecoder(os.Stdin).Decode(&asked); err != nil {
		fail(err)
	}
	results := make([]result, 0, len(asked.Expressions))
	for _, expression := range asked.Expressions {
		output, err := render(&asked, expression)
		if err != nil {
			results = append(results, result{Error: err.Error()})
		} else {
			results = append(results, result{Output: []byte(output)})
		}
	}
	if err := json.NewEncoder(os.Stdout).Encode(results); err != nil {
		fail(err)
	}
}

func render(asked *request, expression string) (output string, err error) {
	defer func() {
		if panicked := recover(); panicked != nil {
			err = fmt.Errorf("panic: %v", panicked)
		}
	}()
	var values map[string]any
	if err := yaml.Unmarshal([]byte(asked.Values), &values); err != nil {
		return "", err
	}
	one := &chart.Chart{
		Metadata: &chart.Metadata{APIVersion: "v2", Name: "functions", Version: "1.2.3", AppVersion: "4.5"},
		Values:   values,
		Templates: []*common.File{
			{Name: "templates/_partials.tpl", Data: []byte(asked.Partials)},
			{Name: "templates/t.txt", Data: []byte(expression)},
		},
	}
	options := common.ReleaseOptions{Name: "rel", Namespace: "rel-system", Revision: 1, IsInstall: true}
	all, err := util.ToRenderValues(one, nil, options, nil)
	if err != nil {
		return "", err
	}
	rendered, err := engine.Render(one, all)
	if err != nil {
		return "", err
	}
	return rendered["functions/templates/t.txt"], nil
}

func fail(err error) {
	fmt.Fprintln(os.Stderr, err)
	os.Exit(1)
}
