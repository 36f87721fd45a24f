//! The tools that do not heed `PORT`, one row each.
//!
//! A tool belongs here when it listens somewhere else although `PORT` is set: either it does not look at
//! it, or (noted) only some of its versions do. Tools that heed it (Next, Nuxt, create-react-app, vue-cli,
//! Gatsby, Parcel, Ember, http-server, serve, live-server, Rails, gunicorn, ...) need no row.

/// One tool.
#[derive(Debug)]
pub(super) struct Tool {
    /// Its name, for people.
    pub(super) name: &'static str,
    /// The programs, packages or modules it is called by; without directory, version and file ending.
    pub(super) programs: &'static [&'static str],
    /// When it listens.
    pub(super) when: When,
    /// How a user names a port.
    pub(super) given: Given,
    /// The arguments that name it; `{port}` stands for the port.
    pub(super) adds: &'static [&'static str],
}

/// When a tool listens.
#[derive(Debug, Clone, Copy)]
pub(super) enum When {
    /// However it is called.
    Always,
    /// When one of these is among its arguments.
    With(&'static [&'static str]),
    /// Unless one of these is.
    Without(&'static [&'static str]),
}

/// How a user names a port.
#[derive(Debug, Clone, Copy)]
pub(super) enum Given {
    /// By one of these options.
    By(&'static [&'static str]),
    /// By a number or an address among the arguments.
    Address,
}

const PORT: Given = Given::By(&["--port"]);
const PORT_OR_P: Given = Given::By(&["--port", "-p"]);
const ADD_PORT: &[&str] = &["--port", "{port}"];
/// Tools on Vite move to the next port unless told not to.
const ADD_STRICT: &[&str] = &["--port", "{port}", "--strictPort"];

const fn tool(
    name: &'static str,
    programs: &'static [&'static str],
    when: When,
    given: Given,
    adds: &'static [&'static str],
) -> Tool {
    Tool { name, programs, when, given, adds }
}

/// The table. No program may be in two rows.
#[rustfmt::skip]
pub(super) const TOOLS: &[Tool] = &[
    // JavaScript
    tool("Vite", &["vite"], When::Without(&["build", "optimize"]), PORT, ADD_STRICT),
    tool("React Router", &["react-router", "@react-router/dev"], When::With(&["dev"]), PORT, ADD_STRICT),
    tool("Remix", &["remix"], When::With(&["vite:dev"]), PORT, ADD_STRICT),
    tool("Astro", &["astro"], When::With(&["dev", "preview"]), PORT, ADD_PORT),
    // From version 22 on it heeds PORT.
    tool("Angular", &["ng", "@angular/cli"], When::With(&["serve", "s", "dev"]), PORT, ADD_PORT),
    tool("VitePress", &["vitepress"], When::Without(&["build", "init"]), PORT, ADD_PORT),
    tool("VuePress", &["vuepress", "vuepress-vite", "vuepress-webpack"], When::With(&["dev"]), PORT_OR_P, ADD_PORT),
    tool("Slidev", &["slidev", "@slidev/cli"], When::Without(&["build", "export", "format"]), PORT_OR_P, ADD_PORT),
    tool("Storybook", &["storybook"], When::With(&["dev"]), PORT_OR_P, ADD_PORT),
    tool("Storybook", &["start-storybook"], When::Always, PORT_OR_P, ADD_PORT),
    tool("Ladle", &["ladle", "@ladle/react"], When::With(&["serve", "dev", "preview"]), PORT_OR_P, ADD_PORT),
    tool("Histoire", &["histoire"], When::With(&["dev", "preview"]), PORT_OR_P, ADD_PORT),
    tool("Docusaurus", &["docusaurus"], When::With(&["start", "serve"]), PORT_OR_P, ADD_PORT),
    tool("Eleventy", &["eleventy", "@11ty/eleventy"], When::With(&["--serve"]), PORT, &["--port={port}"]),
    tool("webpack", &["webpack", "webpack-cli"], When::With(&["serve", "server", "s"]), PORT, ADD_PORT),
    tool("webpack", &["webpack-dev-server"], When::Always, PORT, ADD_PORT),
    tool("Rspack", &["rspack", "@rspack/cli"], When::With(&["serve", "server", "s", "dev"]), PORT, ADD_PORT),
    tool("Rsbuild", &["rsbuild"], When::With(&["dev", "preview"]), PORT, ADD_PORT),
    tool("Web Dev Server", &["web-dev-server", "wds", "@web/dev-server"], When::Always, PORT_OR_P, ADD_PORT),
    tool("Browsersync", &["browser-sync"], When::With(&["start"]), PORT, ADD_PORT),
    // From version 1 on it heeds PORT.
    tool("json-server", &["json-server"], When::Always, PORT_OR_P, ADD_PORT),
    tool("Quasar", &["quasar", "@quasar/cli"], When::With(&["dev", "serve"]), PORT_OR_P, ADD_PORT),
    tool("Ionic", &["ionic", "@ionic/cli"], When::With(&["serve"]), PORT_OR_P, ADD_PORT),
    tool("Expo", &["expo"], When::With(&["start", "run:ios", "run:android"]), PORT_OR_P, ADD_PORT),
    tool("React Native", &["react-native"], When::With(&["start", "run-ios", "run-android"]), PORT, ADD_PORT),
    tool("Metro", &["metro"], When::With(&["serve"]), PORT_OR_P, ADD_PORT),
    tool("Wrangler", &["wrangler"], When::With(&["dev"]), PORT, ADD_PORT),
    tool("Vercel", &["vercel", "vc"], When::With(&["dev"]), Given::By(&["--listen", "-l", "--port", "-p"]), &["--listen", "{port}"]),
    tool("Sanity", &["sanity"], When::With(&["dev", "start", "preview"]), PORT, ADD_PORT),
    tool("Mintlify", &["mintlify", "mint"], When::With(&["dev"]), PORT, ADD_PORT),
    tool("Prisma Studio", &["prisma"], When::With(&["studio"]), PORT_OR_P, ADD_PORT),
    tool("Drizzle Studio", &["drizzle-kit"], When::With(&["studio"]), PORT, ADD_PORT),
    tool("Hexo", &["hexo"], When::With(&["server", "s"]), PORT_OR_P, ADD_PORT),
    tool("Meteor", &["meteor"], When::With(&["run"]), PORT_OR_P, ADD_PORT),

    // Python
    tool("Django", &["manage.py", "django-admin", "django"], When::With(&["runserver", "runserver_plus"]), Given::Address, &["{port}"]),
    tool("http.server", &["http.server"], When::Always, Given::Address, &["{port}"]),
    tool("Flask", &["flask"], When::With(&["run"]), PORT_OR_P, ADD_PORT),
    // Newer versions heed PORT.
    tool("FastAPI", &["fastapi"], When::With(&["dev", "run"]), PORT, ADD_PORT),
    tool("Uvicorn", &["uvicorn"], When::Always, Given::By(&["--port", "--uds", "--fd"]), ADD_PORT),
    tool("Hypercorn", &["hypercorn"], When::Always, Given::By(&["--bind", "-b", "--config", "-c"]), &["--bind", "127.0.0.1:{port}"]),
    tool("Daphne", &["daphne"], When::Always, Given::By(&["--port", "-p", "--unix-socket", "-u", "--fd", "--endpoint", "-e"]), ADD_PORT),
    tool("Granian", &["granian"], When::Always, Given::By(&["--port", "--uds"]), ADD_PORT),
    tool("Waitress", &["waitress-serve", "waitress"], When::Always, Given::By(&["--port", "--listen", "--unix-socket"]), &["--port={port}"]),
    tool("Streamlit", &["streamlit"], When::With(&["run", "hello"]), Given::By(&["--server.port"]), &["--server.port", "{port}"]),
    tool("Jupyter", &["jupyter"], When::With(&["lab", "notebook", "server"]), PORT, &["--port={port}"]),
    tool("Jupyter", &["jupyter-lab", "jupyter-notebook", "jupyter-server", "jupyterlab"], When::Always, PORT, &["--port={port}"]),
    tool("MkDocs", &["mkdocs"], When::With(&["serve"]), Given::By(&["--dev-addr", "-a"]), &["--dev-addr", "localhost:{port}"]),
    tool("sphinx-autobuild", &["sphinx-autobuild"], When::Always, PORT, ADD_PORT),

    // Ruby
    tool("Jekyll", &["jekyll"], When::With(&["serve", "server", "s"]), Given::By(&["--port", "-P"]), ADD_PORT),
    tool("Middleman", &["middleman"], When::With(&["server", "s"]), PORT_OR_P, ADD_PORT),
    tool("rackup", &["rackup"], When::Always, PORT_OR_P, ADD_PORT),

    // PHP
    tool("Laravel", &["artisan"], When::With(&["serve"]), PORT, &["--port={port}"]),
    tool("Symfony", &["symfony"], When::With(&["serve", "server:start"]), PORT, &["--port={port}"]),

    // Go and Rust
    tool("Hugo", &["hugo"], When::With(&["server", "serve"]), PORT_OR_P, ADD_PORT),
    tool("Caddy", &["caddy"], When::With(&["file-server"]), Given::By(&["--listen", "-l"]), &["--listen", ":{port}"]),
    tool("Zola", &["zola"], When::With(&["serve"]), PORT_OR_P, ADD_PORT),
    tool("mdBook", &["mdbook"], When::With(&["serve"]), PORT_OR_P, ADD_PORT),
    tool("Trunk", &["trunk"], When::With(&["serve"]), PORT_OR_P, ADD_PORT),
    tool("Dioxus", &["dx"], When::With(&["serve"]), PORT, ADD_PORT),
];
