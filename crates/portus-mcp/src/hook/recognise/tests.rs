//! One table of scripts and what they would do.

use super::*;

fn shown(script: &str) -> String {
    let words = recognise(script).into_iter().map(|finding| match finding {
        Finding::KillsByPort(ports) => {
            let ports: Vec<String> = ports.iter().map(ToString::to_string).collect();
            format!("port {}", ports.join(" "))
        }
        Finding::KillsByName(name) => format!("name {name}"),
        Finding::Binds { port, dir } => {
            format!("binds {port}{}", dir.map(|dir| format!(" in {dir}")).unwrap_or_default())
        }
    });
    words.collect::<Vec<_>>().join(", ")
}

#[test]
fn killing_by_port_is_seen() {
    let table = [
        ("lsof -ti:3000 | xargs kill -9", "port 3000"),
        ("lsof -ti :3000 | xargs -r kill", "port 3000"),
        ("lsof -t -i tcp:3000 | xargs --no-run-if-empty kill -9 2>/dev/null || true", "port 3000"),
        ("kill -9 $(lsof -t -i:3000)", "port 3000"),
        ("kill $(lsof -ti:3000,3001) ; npm run dev", "port 3000 3001"),
        ("sudo kill -9 `sudo lsof -t -i:8080`", "port 8080"),
        ("PID=$(lsof -ti:3000); kill $PID", "port 3000"),
        ("lsof -i :5173 | grep LISTEN | awk '{print $2}' | xargs kill -9", "port 5173"),
        ("for p in $(lsof -ti:3000); do kill -9 $p; done", "port 3000"),
        ("lsof -ti:3000 | while read pid; do kill $pid; done", "port 3000"),
        ("ss -lptn 'sport = :3000' | grep -oP 'pid=\\K\\d+' | xargs kill", "port 3000"),
        ("netstat -tlnp | grep 3000 | awk '{print $7}' | cut -d/ -f1 | xargs kill", "port 3000"),
        ("bash -c 'lsof -ti:3000 | xargs kill -9'", "port 3000"),
        ("cd app && (lsof -ti:3000 | xargs kill -9; npm run dev)", "port 3000"),
        ("fuser -k 3000/tcp", "port 3000"),
        ("sudo fuser -k -n tcp 3000", "port 3000"),
        ("fuser -kv 3000/tcp 3001/tcp", "port 3000 3001"),
        ("npx kill-port 3000", "port 3000"),
        ("npx --yes kill-port@2 3000 4000", "port 3000 4000"),
        ("pnpm dlx kill-port 3000", "port 3000"),
        ("kill-port 3000 && npm start", "port 3000"),
        ("npx fkill :3000", "port 3000"),
        ("Stop-Process -Id (Get-NetTCPConnection -LocalPort 3000).OwningProcess -Force", "port 3000"),
    ];
    for (script, wanted) in table {
        assert_eq!(shown(script), wanted, "{script}");
    }
}

#[test]
fn killing_by_name_is_seen() {
    let table = [
        ("pkill node", "name node"),
        ("pkill -f node", "name node"),
        ("pkill -9 -f \"next dev\"", "name next dev"),
        ("pkill -f 'vite.*5173'", "name vite.*5173"),
        ("killall -9 node", "name node"),
        ("killall python3 || true", "name python3"),
        ("pkill -f :3000", "name :3000"),
        ("taskkill /F /IM node.exe", "name node.exe"),
        ("nohup sh -c 'pkill -f uvicorn'", "name uvicorn"),
    ];
    for (script, wanted) in table {
        assert_eq!(shown(script), wanted, "{script}");
    }
}

#[test]
fn binding_a_port_is_seen() {
    let table = [
        ("PORT=3000 npm run dev", "binds 3000"),
        ("export PORT=3000; npm start &", "binds 3000"),
        ("npm run dev -- --port 3000", "binds 3000"),
        ("pnpm dev --port=3000 > dev.log 2>&1 &", "binds 3000"),
        ("npx vite --port 5173", "binds 5173"),
        ("npx next dev -p 3001", "binds 3001"),
        ("cd /x/app && PORT=3000 npm start", "binds 3000 in /x/app"),
        ("python3 -m http.server 8000", "binds 8000"),
        ("python manage.py runserver 0.0.0.0:8000", "binds 8000"),
        ("uv run uvicorn app:app --port 8001", "binds 8001"),
        ("gunicorn -b 127.0.0.1:8002 app", "binds 8002"),
        ("php -S localhost:8080", "binds 8080"),
        ("rails s -p 3000", "binds 3000"),
        ("docker run --rm -p 8080:80 nginx", "binds 8080"),
        ("docker run -p 127.0.0.1:5432:5432 postgres", "binds 5432"),
        ("nc -l 3000", "binds 3000"),
        ("env PORT=3000 node server.js", "binds 3000"),
    ];
    for (script, wanted) in table {
        assert_eq!(shown(script), wanted, "{script}");
    }
}

#[test]
fn all_else_passes() {
    let table = [
        "ls",
        "portus kill web",
        "portus kill 3000 --force",
        "portus run -s web -- npm run dev -- --port 3000",
        "echo 'lsof -ti:3000 | xargs kill -9'",
        "git commit -m \"never pkill node; no npx kill-port 3000\"",
        "grep -rn 'kill-port' . && man pkill",
        "rg 'fuser -k 3000/tcp' docs",
        "npm install --save-dev kill-port",
        "lsof -i :3000",
        "ss -tlnp | grep 3000",
        "kill 12345",
        "kill -9 $!",
        "node server.js & kill $!",
        "lsof -t /var/log/x | xargs kill",
        "fuser -k /mnt/disk",
        "pkill -P $$",
        "pkill -f my-unique-script",
        "killall -u me some-editor",
        "curl localhost:3000 -o out",
        "psql -p 5432 -h localhost",
        "ssh -p 2222 host",
        "npm test -- --port 3000",
        "nc -z localhost 3000",
        "cat <<EOF > run.sh\nlsof -ti:3000 | xargs kill\nEOF",
        "# pkill node",
        "kill $(cat server.pid)",
        "",
    ];
    for script in table {
        assert_eq!(shown(script), "", "{script}");
    }
}
