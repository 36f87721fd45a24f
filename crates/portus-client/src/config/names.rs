//! Which variables a project's file may set. It comes with a clone, so it must not be able to make a program load or
//! run what somebody else chose.

/// Names that programs, shells and loaders take orders from, in upper case.
const REFUSED: [&str; 63] = [
    "PATH",
    "IFS",
    "ENV",
    "BASH_ENV",
    "HOME",
    "USER",
    "LOGNAME",
    "SHELL",
    "SHELLOPTS",
    "BASHOPTS",
    "PS0",
    "PS1",
    "PS2",
    "PS3",
    "PS4",
    "PROMPT_COMMAND",
    "CDPATH",
    "GLOBIGNORE",
    "FPATH",
    "ZDOTDIR",
    "TMPDIR",
    "TEMP",
    "TMP",
    "TERM",
    "TERMINFO",
    "TERMCAP",
    "EDITOR",
    "VISUAL",
    "PAGER",
    "MANPAGER",
    "BROWSER",
    "LESSOPEN",
    "LESSCLOSE",
    "GCONV_PATH",
    "LOCPATH",
    "NLSPATH",
    "HOSTALIASES",
    "RESOLV_HOST_CONF",
    "GLIBC_TUNABLES",
    "CLASSPATH",
    "JAVA_TOOL_OPTIONS",
    "_JAVA_OPTIONS",
    "JDK_JAVA_OPTIONS",
    "JAVA_OPTS",
    "MAVEN_OPTS",
    "GRADLE_OPTS",
    "PHPRC",
    "PHP_INI_SCAN_DIR",
    "RUSTC",
    "RUSTFLAGS",
    "RUSTDOCFLAGS",
    "CC",
    "CXX",
    "LD",
    "MAKEFLAGS",
    "MAKEFILES",
    "KUBECONFIG",
    "PATHEXT",
    "COMSPEC",
    "SYSTEMROOT",
    "WINDIR",
    "PROGRAMDATA",
    "ANSIBLE_CONFIG",
];

/// Beginnings of such names.
const REFUSED_PREFIXES: [&str; 27] = [
    "LD_",
    "DYLD_",
    "PYTHON",
    "NODE_",
    "NPM_CONFIG_",
    "YARN_",
    "BUN_",
    "DENO_",
    "PERL",
    "RUBY",
    "BUNDLE_",
    "GEM_",
    "LUA_",
    "GIT_",
    "SSH_",
    "SUDO_",
    "CARGO_",
    "RUSTC_",
    "RUSTUP_",
    "GO",
    "DOTNET_",
    "COMPLUS_",
    "CORECLR_",
    "MALLOC_",
    "XDG_",
    "DOCKER_",
    "PORTUS_",
];

/// Ends of such names: where requests go.
const REFUSED_SUFFIXES: [&str; 2] = ["_PROXY", "_PRELOAD"];

/// Why a project's file may not set this variable; `None` when it may.
pub(super) fn refusal(name: &str) -> Option<String> {
    let mut characters = name.chars();
    let begins = characters.next().is_some_and(|first| first.is_ascii_alphabetic() || first == '_');
    if !begins || !characters.all(|character| character.is_ascii_alphanumeric() || character == '_') {
        let shown = name.escape_debug();
        return Some(format!("`{shown}` is no name for a variable (letters, digits and `_`; no digit in front)"));
    }
    // Windows does not tell upper from lower case.
    let upper = name.to_ascii_uppercase();
    // `GOOGLE_API_PORT` is harmless; `GOFLAGS` is not.
    let is_harmless_go = upper.starts_with("GO") && upper.ends_with("_PORT");
    let refused = REFUSED.contains(&upper.as_str())
        || REFUSED_SUFFIXES.iter().any(|suffix| upper.ends_with(suffix))
        || (REFUSED_PREFIXES.iter().any(|prefix| upper.starts_with(prefix)) && !is_harmless_go);
    refused.then(|| format!("a project's file may not set `{name}`: programs take orders from it"))
}

#[cfg(test)]
mod tests {
    use super::refusal;

    #[test]
    fn ports_may_have_names_and_orders_may_not() {
        for name in
            ["PORT", "VITE_PORT", "API_URL", "_x", "a1", "GOOGLE_PORT", "PGPORT", "PATHS", "HOMEPAGE_PORT", "MY_ENV"]
        {
            assert_eq!(refusal(name), None, "{name}");
        }
        for name in [
            "",
            "1A",
            "A-B",
            "A B",
            "A=B",
            "Ä",
            "A\0",
            "PATH",
            "Path",
            "IFS",
            "LD_PRELOAD",
            "LD_X",
            "DYLD_INSERT_LIBRARIES",
            "NODE_OPTIONS",
            "PYTHONPATH",
            "PYTHONSTARTUP",
            "BASH_ENV",
            "ENV",
            "PERL5LIB",
            "RUBYOPT",
            "GIT_SSH_COMMAND",
            "GOFLAGS",
            "HTTP_PROXY",
            "https_proxy",
            "JAVA_TOOL_OPTIONS",
            "npm_config_script_shell",
            "PORTUS_HOME",
            "PORTUS_LEASE",
            "CARGO_BUILD_RUSTC_WRAPPER",
            "EDITOR",
            "HOME",
        ] {
            assert!(refusal(name).is_some(), "{name}");
        }
    }
}
