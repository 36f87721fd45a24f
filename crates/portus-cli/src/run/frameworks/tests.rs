use std::collections::BTreeMap;

use super::script::{Found, Lookup, last_command};
use super::table::{TOOLS, Tool};
use super::*;

/// Each row of the table: a call as people write it, and as it becomes.
const ROWS: &[(&str, &str)] = &[
    ("vite", "vite --port 20001 --strictPort"),
    ("react-router dev", "react-router dev --port 20001 --strictPort"),
    ("remix vite:dev", "remix vite:dev --port 20001 --strictPort"),
    ("astro dev", "astro dev --port 20001"),
    ("ng serve shop", "ng serve shop --port 20001"),
    ("vitepress dev docs", "vitepress dev docs --port 20001"),
    ("vuepress dev docs", "vuepress dev docs --port 20001"),
    ("slidev slides.md", "slidev slides.md --port 20001"),
    ("storybook dev", "storybook dev --port 20001"),
    ("start-storybook", "start-storybook --port 20001"),
    ("ladle serve", "ladle serve --port 20001"),
    ("histoire dev", "histoire dev --port 20001"),
    ("docusaurus start", "docusaurus start --port 20001"),
    ("eleventy --serve", "eleventy --serve --port=20001"),
    ("webpack serve --mode development", "webpack serve --mode development --port 20001"),
    ("webpack-dev-server", "webpack-dev-server --port 20001"),
    ("rspack serve", "rspack serve --port 20001"),
    ("rsbuild dev", "rsbuild dev --port 20001"),
    ("wds --watch", "wds --watch --port 20001"),
    ("browser-sync start --server", "browser-sync start --server --port 20001"),
    ("json-server db.json", "json-server db.json --port 20001"),
    ("quasar dev", "quasar dev --port 20001"),
    ("ionic serve", "ionic serve --port 20001"),
    ("expo start --web", "expo start --web --port 20001"),
    ("react-native start", "react-native start --port 20001"),
    ("metro serve", "metro serve --port 20001"),
    ("wrangler pages dev dist", "wrangler pages dev dist --port 20001"),
    ("vercel dev", "vercel dev --listen 20001"),
    ("sanity dev", "sanity dev --port 20001"),
    ("mintlify dev", "mintlify dev --port 20001"),
    ("prisma studio", "prisma studio --port 20001"),
    ("drizzle-kit studio", "drizzle-kit studio --port 20001"),
    ("hexo server", "hexo server --port 20001"),
    ("meteor run", "meteor run --port 20001"),
    ("./manage.py runserver", "./manage.py runserver 20001"),
    ("python3 -m http.server --directory site", "python3 -m http.server --directory site 20001"),
    ("flask --app hello run --debug", "flask --app hello run --debug --port 20001"),
    ("fastapi dev main.py", "fastapi dev main.py --port 20001"),
    ("uvicorn main:app --reload", "uvicorn main:app --reload --port 20001"),
    ("hypercorn main:app", "hypercorn main:app --bind 127.0.0.1:20001"),
    ("daphne site.asgi:application", "daphne site.asgi:application --port 20001"),
    ("granian --interface asgi main:app", "granian --interface asgi main:app --port 20001"),
    ("waitress-serve main:app", "waitress-serve main:app --port=20001"),
    ("streamlit run app.py", "streamlit run app.py --server.port 20001"),
    ("jupyter lab", "jupyter lab --port=20001"),
    ("jupyter-lab", "jupyter-lab --port=20001"),
    ("mkdocs serve", "mkdocs serve --dev-addr localhost:20001"),
    ("sphinx-autobuild docs out", "sphinx-autobuild docs out --port 20001"),
    ("bundle exec jekyll serve --livereload", "bundle exec jekyll serve --livereload --port 20001"),
    ("middleman server", "middleman server --port 20001"),
    ("rackup", "rackup --port 20001"),
    ("php artisan serve", "php artisan serve --port=20001"),
    ("symfony serve", "symfony serve --port=20001"),
    ("hugo server -D", "hugo server -D --port 20001"),
    ("caddy file-server", "caddy file-server --listen :20001"),
    ("zola serve", "zola serve --port 20001"),
    ("mdbook serve", "mdbook serve --port 20001"),
    ("trunk serve", "trunk serve --port 20001"),
    ("dx serve", "dx serve --port 20001"),
];

/// Ways to start a tool.
const WAYS: &[(&str, &str)] = &[
    ("node_modules/.bin/vite --host", "node_modules/.bin/vite --host --port 20001 --strictPort"),
    ("vite.cmd", "vite.cmd --port 20001 --strictPort"),
    ("vite -- x", "vite --port 20001 --strictPort -- x"),
    ("vite --strictPort", "vite --strictPort --port 20001"),
    ("npx vite", "npx vite --port 20001 --strictPort"),
    ("npx --yes vite@5 --host", "npx --yes vite@5 --host --port 20001 --strictPort"),
    ("npx -y @angular/cli@19 serve", "npx -y @angular/cli@19 serve --port 20001"),
    ("npx -p @angular/cli ng serve", "npx -p @angular/cli ng serve --port 20001"),
    ("npm exec vite", "npm exec vite -- --port 20001 --strictPort"),
    ("npm exec vite -- --host", "npm exec vite -- --host --port 20001 --strictPort"),
    ("npm exec -- vite --host", "npm exec -- vite --host --port 20001 --strictPort"),
    ("pnpm exec vite", "pnpm exec vite --port 20001 --strictPort"),
    ("pnpm dlx vite", "pnpm dlx vite --port 20001 --strictPort"),
    ("pnpm vite", "pnpm vite --port 20001 --strictPort"),
    ("yarn vite", "yarn vite --port 20001 --strictPort"),
    ("yarn dlx vite", "yarn dlx vite --port 20001 --strictPort"),
    ("bunx --bun vite", "bunx --bun vite --port 20001 --strictPort"),
    ("bun x vite", "bun x vite --port 20001 --strictPort"),
    ("node node_modules/vite/bin/vite.js", "node node_modules/vite/bin/vite.js --port 20001 --strictPort"),
    ("env -i A=1 vite", "env -i A=1 vite --port 20001 --strictPort"),
    ("cross-env NODE_ENV=dev vite", "cross-env NODE_ENV=dev vite --port 20001 --strictPort"),
    ("dotenv -e .env -- vite", "dotenv -e .env -- vite --port 20001 --strictPort"),
    ("op run -- vite", "op run -- vite --port 20001 --strictPort"),
    ("python -m flask run", "python -m flask run --port 20001"),
    ("python3.12 -u manage.py runserver", "python3.12 -u manage.py runserver 20001"),
    ("python -m django runserver", "python -m django runserver 20001"),
    ("uv run --with x uvicorn main:app", "uv run --with x uvicorn main:app --port 20001"),
    ("poetry run python -m http.server", "poetry run python -m http.server 20001"),
    // Scripts, see `package`.
    ("npm run dev", "npm run dev -- --port 20001 --strictPort"),
    ("npm run dev --silent", "npm run dev --silent -- --port 20001 --strictPort"),
    ("npm run dev -- --host", "npm run dev -- --host --port 20001 --strictPort"),
    ("npm --prefix web run dev", "npm --prefix web run dev -- --port 20001"),
    ("npm run dev --prefix=web", "npm run dev --prefix=web -- --port 20001"),
    ("npm start", "npm start -- -- --port 20001 --strictPort"),
    ("npm run start:deep", "npm run start:deep -- -- -- --port 20001 --strictPort"),
    ("pnpm dev", "pnpm dev --port 20001 --strictPort"),
    ("pnpm run dev --host", "pnpm run dev --host --port 20001 --strictPort"),
    ("pnpm -C web dev", "pnpm -C web dev --port 20001"),
    ("yarn dev", "yarn dev --port 20001 --strictPort"),
    ("yarn dev -- --host", "yarn dev -- --host --port 20001 --strictPort"),
    ("yarn run dev", "yarn run dev --port 20001 --strictPort"),
    ("bun run dev", "bun run dev --port 20001 --strictPort"),
    ("bun --bun run dev", "bun --bun run dev --port 20001 --strictPort"),
    ("node --run dev", "node --run dev -- --port 20001 --strictPort"),
    ("npm run typed", "npm run typed -- --port 20001 --strictPort"),
    ("npm run env", "npm run env -- --port 20001 --strictPort"),
    ("npm run logged", "npm run logged -- --port 20001 --strictPort"),
];

/// Calls that are left as they are.
const LEFT: &[&str] = &[
    "vite build",
    "vite --port 4000",
    "vite --port=4000",
    "vite --help",
    "astro build",
    "ng build",
    "storybook dev -p 6006",
    "storybook dev -p6006",
    "webpack --mode production",
    "flask shell",
    "uvicorn main:app --uds /run/x.sock",
    "python manage.py migrate",
    "python manage.py runserver 8000",
    "python manage.py runserver 0.0.0.0:8000",
    "python -m http.server 9000",
    "python -c pass",
    "python",
    "node server.js",
    "node vite.js",
    "next dev",
    "npm install vite",
    "npm run build",
    "npm run missing",
    "npm run own-port",
    "npm run background",
    "npm run both",
    "npm run loop",
    "npm run subshell",
    "npm run",
    "npm",
    "pnpm --filter web dev",
    "pnpm dev -- --host",
    "yarn workspace web dev",
    "sh -c vite",
    "op run vite",
    "",
];

fn package() -> BTreeMap<&'static str, &'static str> {
    BTreeMap::from([
        ("dev", "vite"),
        ("start", "npm run dev"),
        ("start:deep", "npm start"),
        ("build", "vite build"),
        ("own-port", "vite --port 4000"),
        ("typed", "tsc --noEmit && vite"),
        ("env", "NODE_ENV=development cross-env A=1 vite --host"),
        ("logged", "vite 2>&1"),
        ("background", "vite & node api.js"),
        ("both", "concurrently \"vite\" \"node api.js\""),
        ("loop", "npm run loop"),
        ("subshell", "(cd web && vite)"),
    ])
}

fn scripts(lookup: &Lookup) -> Found {
    match (lookup.dir.as_deref(), lookup.name.as_str()) {
        (Some("web"), "dev") => Found::Script(vec!["astro".to_owned(), "dev".to_owned()]),
        (Some(_), _) => Found::Unknown,
        (None, name) => match package().get(name) {
            Some(text) => last_command(text).map_or(Found::Unknown, Found::Script),
            None => Found::NoSuchScript,
        },
    }
}

fn words(text: &str) -> Vec<String> {
    text.split_whitespace().map(str::to_owned).collect()
}

fn tool_of(command: &[String]) -> Option<&'static Tool> {
    let call = unwrap::unwrap(command, &mut scripts)?;
    TOOLS.iter().find(|tool| tool.programs.contains(&call.program.as_str()))
}

fn added(text: &str) -> String {
    let mut command = words(text);
    let found = unwrap::unwrap(&command, &mut scripts).and_then(|call| {
        let tool = TOOLS.iter().find(|tool| tool.programs.contains(&call.program.as_str()))?;
        let flags = tool.flags(&call.arguments, Port::new(20_001).unwrap())?;
        Some(call.hand_over(flags))
    });
    if let Some((at, arguments)) = found {
        command.splice(at..at, arguments);
    }
    command.join(" ")
}

#[test]
fn every_tool_gets_its_flag() {
    for (call, wanted) in ROWS {
        assert_eq!(added(call), *wanted);
    }
}

#[test]
fn every_row_of_the_table_has_an_example() {
    for tool in TOOLS {
        let shown = ROWS.iter().any(|(call, _)| tool_of(&words(call)).is_some_and(|found| std::ptr::eq(found, tool)));
        assert!(shown, "no example of {} ({:?})", tool.name, tool.programs);
    }
}

#[test]
fn no_program_stands_for_two_tools() {
    let programs: Vec<&str> = TOOLS.iter().flat_map(|tool| tool.programs).copied().collect();
    for program in &programs {
        assert_eq!(programs.iter().filter(|other| *other == program).count(), 1, "{program}");
    }
}

#[test]
fn a_tool_is_found_behind_what_starts_it() {
    for (call, wanted) in WAYS {
        assert_eq!(added(call), *wanted);
    }
}

#[test]
fn other_calls_are_left_as_they_are() {
    for call in LEFT {
        assert_eq!(added(call), *call);
    }
}

#[test]
fn the_last_command_of_a_script_gets_the_arguments() {
    for (text, wanted) in [
        ("vite", Some("vite")),
        ("  vite   --host ", Some("vite|--host")),
        ("a && b | c; d e", Some("d|e")),
        ("A=1 B='x y' vite", Some("vite")),
        ("vite --base \"/a b/\" ''", Some("vite|--base|/a b/|")),
        ("a\\ b", Some("a b")),
        ("vite > log 2>&1", Some("vite|>|log|2>&1")),
        ("vite &", None),
        ("vite `x`", None),
        ("vite $(x)", None),
        ("vite \"", None),
        ("A=1", None),
        ("", None),
    ] {
        let found = last_command(text).map(|words| words.join("|"));
        assert_eq!(found.as_deref(), wanted, "{text}");
    }
}

#[test]
fn scripts_are_read_from_the_nearest_package_upward() {
    let dir = std::env::temp_dir().join(format!("portus-frameworks-{}", std::process::id()));
    let deep = dir.join("web/src");
    std::fs::create_dir_all(&deep).unwrap();
    std::fs::write(dir.join("web/package.json"), r#"{"scripts":{"dev":"vite"}}"#).unwrap();
    let port = Port::new(20_001).unwrap();
    let found = addition(&words("npm run dev"), &deep, port);
    let by_option = addition(&words("pnpm -C web dev"), &dir, port);
    std::fs::remove_dir_all(&dir).unwrap();
    let arguments = words("-- --port 20001 --strictPort");
    assert_eq!(found, Some(Addition { tool: "Vite", at: 3, arguments }));
    assert_eq!(by_option.map(|addition| addition.arguments), Some(words("--port 20001 --strictPort")));
}
