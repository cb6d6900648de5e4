// Renders a Helm chart as `helm template` does, with the same template engine and functions: Helm itself
// is in no Debian package. usage: chart DIRECTORY RELEASE NAMESPACE VALUES...
package main

import (
	"bytes"
	"fmt"
	"log"
	"os"
	"path/filepath"
	"strings"
	"text/template"

	"github.com/Masterminds/sprig"
	"sigs.k8s.io/yaml"
)

type object = map[string]interface{}

// Files of the chart, as .Files.
type files string

func (f files) Get(name string) (string, error) {
	content, err := os.ReadFile(filepath.Join(string(f), name))
	return string(content), err
}

func (f files) Glob(pattern string) (map[string][]byte, error) {
	paths, err := filepath.Glob(filepath.Join(string(f), pattern))
	found := map[string][]byte{}
	for _, path := range paths {
		name, _ := filepath.Rel(string(f), path)
		if found[name], err = os.ReadFile(path); err != nil {
			return nil, err
		}
	}
	return found, err
}

func check(err error) {
	if err != nil {
		log.Fatal(err)
	}
}

func load(path string) object {
	content, err := os.ReadFile(path)
	check(err)
	var loaded object
	check(yaml.UnmarshalStrict(content, &loaded))
	return loaded
}

// Helm merges maps, and replaces everything else.
func merge(into, from object) object {
	for key, value := range from {
		child, isMap := value.(object)
		old, wasMap := into[key].(object)
		if isMap && wasMap {
			value = merge(old, child)
		}
		into[key] = value
	}
	return into
}

func capitalized(from object) object {
	to := object{}
	for key, value := range from {
		to[strings.ToUpper(key[:1])+key[1:]] = value
	}
	return to
}

func functions(templates *template.Template) template.FuncMap {
	all := sprig.TxtFuncMap()
	delete(all, "env") // Helm has none of these two
	delete(all, "expandenv")
	all["include"] = func(name string, data interface{}) (string, error) {
		var out bytes.Buffer
		err := templates.ExecuteTemplate(&out, name, data)
		return out.String(), err
	}
	all["toYaml"] = func(value interface{}) (string, error) {
		text, err := yaml.Marshal(value)
		return strings.TrimSuffix(string(text), "\n"), err
	}
	all["fromYaml"] = func(text string) (object, error) {
		var value object
		err := yaml.Unmarshal([]byte(text), &value)
		return value, err
	}
	return all
}

func main() {
	directory, release, namespace := os.Args[1], os.Args[2], os.Args[3]
	values := load(filepath.Join(directory, "values.yaml"))
	for _, path := range os.Args[4:] {
		values = merge(values, load(path))
	}
	data := object{
		"Values":  values,
		"Chart":   capitalized(load(filepath.Join(directory, "Chart.yaml"))),
		"Release": object{"Name": release, "Namespace": namespace, "Service": "Helm"},
		"Files":   files(directory),
	}
	paths, err := filepath.Glob(filepath.Join(directory, "templates", "*"))
	check(err)
	templates := template.New("chart").Option("missingkey=error")
	templates.Funcs(functions(templates))
	for _, path := range paths {
		content, err := os.ReadFile(path)
		check(err)
		_, err = templates.New(filepath.Base(path)).Parse(string(content))
		check(err)
	}
	for _, path := range paths {
		name := filepath.Base(path)
		if strings.HasPrefix(name, "_") {
			continue
		}
		var out bytes.Buffer
		check(templates.ExecuteTemplate(&out, name, data))
		if filepath.Ext(name) == ".txt" {
			fmt.Fprint(os.Stderr, out.String())
		} else {
			fmt.Printf("---\n# Source: %s\n%s\n", name, strings.TrimSpace(out.String()))
		}
	}
}
