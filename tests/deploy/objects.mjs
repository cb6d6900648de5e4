// Reads Kubernetes objects as YAML from standard input; says what the API would refuse, and keys that it does not know.
import {readFileSync} from "node:fs";
import {parseAllDocuments} from "yaml";

async function modelOf(object) {
  const operator = object.apiVersion.startsWith("monitoring.coreos.com/") ? "@kubernetes-models/prometheus-operator" : "kubernetes-models";
  const module = await import(`${operator}/${object.apiVersion}`);
  return module[object.kind];
}

// A view of a value that notes which keys a validator looks at. One that iterates over all of them takes any key.
function watched(value, path, unknown) {
  if (value === null || typeof value !== "object") return value;
  const seen = new Set();
  unknown.push(() => Object.keys(value).filter(key => !Array.isArray(value) && !seen.has(key)).map(key => `${path}.${key}`));
  const children = {};
  return new Proxy(value, {
    get(target, key) {
      seen.add(key);
      if (!Object.hasOwn(target, key)) return target[key];
      return children[key] ??= watched(target[key], `${path}.${key}`, unknown);
    },
    ownKeys(target) {
      Object.keys(target).forEach(key => seen.add(key));
      return Reflect.ownKeys(target);
    },
  });
}

async function problemsOf(object) {
  const Model = await modelOf(object);
  if (!Model) return [`${object.apiVersion} has no ${object.kind}`];
  const unknown = [];
  const problems = [];
  const model = watched(new Model(object), object.kind, unknown);
  try {
    model.validate();
  } catch (error) {
    problems.push(error.message);
  }
  return problems.concat(unknown.flatMap(keys => keys()).map(path => `unknown key ${path}`));
}

let failed = false;
for (const document of parseAllDocuments(readFileSync(0, "utf8"))) {
  const object = document.toJS();
  if (!object) continue;
  const name = `${object.kind} ${object.metadata?.name}`;
  const problems = await problemsOf(object);
  problems.forEach(problem => console.error(`${name}: ${problem}`));
  failed ||= problems.length > 0;
  console.log(name);
}
process.exitCode = failed ? 1 : 0;
