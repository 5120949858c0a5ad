#!/usr/bin/env python3
"""manifests.py SOURCE SESSION_WORKER: the Kubernetes manifests, the compose file and the monitoring files agree with each
other and with the program. Needs PyYAML; with kubernetes-validate (PyPI) the manifests are held to the API's schema too."""
import json
import pathlib
import re
import subprocess
import sys
import tempfile

import yaml

source, program = pathlib.Path(sys.argv[1]), sys.argv[2]
checks, failures = 0, []


def check(good, what):
    global checks
    checks += 1
    if not good:
        failures.append(what)


def load(path):
    return [document for document in yaml.safe_load_all((source / path).read_text()) if document]


def accepted(conf):
    """The program takes the configuration, files that it names aside."""
    with tempfile.NamedTemporaryFile("w", suffix=".conf") as file:
        file.write(re.sub(r"(?m)^(merchants\.file|ssl\.ca\.location) = .*$", "", conf))
        file.flush()
        result = subprocess.run([program, "--config", file.name, "--check-config"], capture_output=True, text=True)
    return result.returncode == 0, result.stderr


folder = source / "config/kubernetes"
named = yaml.safe_load((folder / "kustomization.yaml").read_text())["resources"]
check(sorted(named) == sorted(p.name for p in folder.glob("*.yaml") if p.name != "kustomization.yaml"),
      "kustomization.yaml does not name every manifest")
objects = {}
for name in named:
    for item in load(f"config/kubernetes/{name}"):
        check(all(item.get(member) for member in ("apiVersion", "kind")) and item["metadata"]["name"], f"{name}: no object")
        objects[item["kind"], item["metadata"]["name"]] = item

try:
    import kubernetes_validate
    judged = 0
    for (kind, name), item in objects.items():
        if "keda.sh" in item["apiVersion"]:
            continue
        judged += 1
        try:
            kubernetes_validate.validate(item, "1.33", strict=True)
        except kubernetes_validate.ValidationError as error:
            check(False, f"{kind} {name}: {error.message}")
    check(judged >= 6, f"only {judged} manifests judged by the schema")
    broken = json.loads(json.dumps(objects["StatefulSet", "session-worker"]))
    broken["spec"]["template"]["spec"]["containers"][0]["ports"][0]["containerPort"] = "many"
    try:
        kubernetes_validate.validate(broken, "1.33", strict=True)
        check(False, "the schema takes the canary")
    except kubernetes_validate.ValidationError:
        schema = f"{judged} manifests by the schema, canary caught"
except ImportError:
    schema = "no schema: kubernetes-validate is not there"

stateful = objects["StatefulSet", "session-worker"]["spec"]
pod = stateful["template"]
labels = pod["metadata"]["labels"]
container = pod["spec"]["containers"][0]
conf = objects["ConfigMap", "session-worker"]["data"]["session-worker.conf"]
good, said = accepted(conf)
check(good, f"config.yaml: {said}")
check(not accepted(conf + "\n[worker]\nlanez = 2\n")[0], "the program takes the canary configuration")
lanes = int(re.search(r"(?m)^lanes = (\d+)", conf).group(1))
port = container["ports"][0]["containerPort"]
check(f"listen = 0.0.0.0:{port}" in conf, "the admin port")
for selector in (stateful["selector"]["matchLabels"], objects["Service", "session-worker"]["spec"]["selector"],
                 objects["PodDisruptionBudget", "session-worker"]["spec"]["selector"]["matchLabels"],
                 objects["NetworkPolicy", "session-worker"]["spec"]["podSelector"]["matchLabels"]):
    check(selector.items() <= labels.items(), f"{selector} selects no pod")
check(stateful["serviceName"] == "session-worker", "serviceName")
check("replicas" not in stateful, "replicas beside a ScaledObject")
check(container["livenessProbe"]["httpGet"]["path"] == "/livez", "liveness")
check(container["readinessProbe"]["httpGet"]["path"] == "/readyz", "readiness")
check(pod["spec"]["terminationGracePeriodSeconds"] > 20, "SIGTERM drains within 20 s")
secrets = objects["Secret", "session-worker"]["stringData"]
for variable in container["env"]:
    check(variable["name"].endswith("_FILE"), f"{variable['name']}: a secret in the environment")
    check(pathlib.PurePath(variable["value"]).name in secrets, f"{variable['value']}: no such secret")
for path in re.findall(r"/etc/checkout-session/secrets/(\S+)", conf):
    check(path in secrets, f"{path}: no such secret")
scaled = objects["ScaledObject", "session-worker"]["spec"]
trigger = scaled["triggers"][0]["metadata"]
check(trigger["topic"] == "checkout.session.commands" and trigger["consumerGroup"] == "checkout-session-worker", "trigger")
check(f"bootstrap.servers = {trigger['bootstrapServers']}" in conf, "KEDA asks another Kafka")
check(scaled["maxReplicaCount"] * lanes <= 4, "more lanes than partitions")
for reference in objects["TriggerAuthentication", "session-worker"]["spec"]["secretTargetRef"]:
    secret = objects["Secret", reference["name"]]["stringData"]
    check(reference["key"] in secret, f"{reference['key']}: not in {reference['name']}")

compose = load("docker-compose.yml")[0]["services"]
check({"kafka", "redis", "session-worker"} == {n for n, s in compose.items() if "profiles" not in s}, "default profile")
check({"prometheus", "grafana"} == {n for n, s in compose.items() if "monitoring" in s.get("profiles", [])}, "monitoring")
check(["worker"] == [n for n, s in compose.items() if "worker" in s.get("profiles", [])], "the worker alone")
check("depends_on" not in compose["worker"], "the worker alone wants others")
for name, service in compose.items():
    for mount in service.get("volumes", []):
        path = mount.split(":")[0]
        check(not path.startswith("./") or (source / path).exists(), f"{name}: {path} is not there")
    for published in service.get("ports", []):
        check(published.startswith("127.0.0.1:"), f"{name}: {published} is published beyond loopback")
good, said = accepted((source / "config/session-worker.dev.conf").read_text())
check(good, f"session-worker.dev.conf: {said}")

prometheus = load("config/prometheus/prometheus.yml")[0]
for rules in prometheus["rule_files"]:
    check((source / "config/prometheus" / rules).exists(), f"{rules} is not there")
jobs = {job["job_name"] for job in prometheus["scrape_configs"]}
for job in set(re.findall(r'job="([^"]+)"', (source / "config/prometheus/alerts.yml").read_text())):
    check(job in jobs, f"alerts.yml speaks of the job {job}")
targets = [t for job in prometheus["scrape_configs"] for s in job["static_configs"] for t in s["targets"]]
check(targets == [f"session-worker:{port}"], f"scraped: {targets}")
provider = load("config/grafana/provisioning/dashboards/checkout-session.yml")[0]["providers"][0]["options"]["path"]
check(any(f":{provider}/" in mount for mount in compose["grafana"]["volumes"]), "Grafana finds no dashboard")
json.loads((source / "config/grafana/checkout-session.json").read_text())

for failure in failures:
    print(f"manifests: {failure}", file=sys.stderr)
print(f"manifests: {checks} checks over {len(objects)} objects, {len(failures)} failed; {schema}")
sys.exit(1 if failures else 0)
