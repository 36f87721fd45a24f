//! The schemas that editors read say the same as the readers.
#![expect(clippy::unwrap_used, reason = "tests report by panicking")]

use std::path::{Path, PathBuf};

use jsonschema::Validator;
use portus_client::config::{Config, project_schema, user_schema};
use serde_json::Value;

fn docs(name: &str) -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("../../docs").join(name)
}

/// One of the two files, and who reads it.
struct Subject {
    schema: Validator,
    /// Where it lies in a directory with a worktree `tree`.
    place: &'static str,
}

impl Subject {
    fn project() -> Self {
        Self { schema: jsonschema::validator_for(&project_schema()).unwrap(), place: "tree/portus.toml" }
    }

    fn user() -> Self {
        Self { schema: jsonschema::validator_for(&user_schema()).unwrap(), place: "config.toml" }
    }

    fn schema_says(&self, text: &str) -> Result<(), String> {
        let value: Value = toml::from_str(text).unwrap();
        self.schema.validate(&value).map_err(|error| format!("{} at {}", error, error.instance_path()))
    }

    fn reader_says(&self, text: &str) -> Result<(), String> {
        let dir = tempfile::tempdir().unwrap();
        std::fs::create_dir(dir.path().join("tree")).unwrap();
        std::fs::write(dir.path().join(self.place), text).unwrap();
        let (tree, user) = (dir.path().join("tree"), dir.path().join("config.toml"));
        Config::load_from(&tree, &tree, Some(&user), &|_| None).map(drop).map_err(|error| error.to_string())
    }
}

#[test]
fn the_schemas_in_the_documents_are_those_of_the_readers() {
    for (name, schema) in [("portus.schema.json", project_schema()), ("config.schema.json", user_schema())] {
        assert!(jsonschema::meta::is_valid(&schema), "{name}");
        let text = serde_json::to_string_pretty(&schema).unwrap() + "\n";
        if std::env::var_os("UPDATE_GOLDEN").is_some() {
            std::fs::write(docs(name), &text).unwrap();
        }
        let written = std::fs::read_to_string(docs(name)).unwrap_or_default();
        assert!(
            written == text,
            "docs/{name} is out of date: UPDATE_GOLDEN=1 cargo test -p portus-client --test schema"
        );
    }
}

#[test]
fn what_the_guide_shows_is_accepted_by_reader_and_schema() {
    let guide = std::fs::read_to_string(docs("configuration.md")).unwrap();
    let shown: Vec<&str> = guide.split("```toml\n").skip(1).filter_map(|rest| rest.split("```").next()).collect();
    let whole: Vec<&str> = shown.into_iter().filter(|text| !text.starts_with("#:schema")).collect();
    let [project, user] = whole[..] else { panic!("{} examples", whole.len()) };
    let service_table = std::fs::read_to_string(docs("examples/service-table/portus.toml")).unwrap();
    for (subject, text) in
        [(Subject::project(), project), (Subject::user(), user), (Subject::project(), &service_table)]
    {
        assert_eq!(subject.reader_says(text), Ok(()));
        assert_eq!(subject.schema_says(text), Ok(()));
    }
}

#[test]
fn good_files_are_accepted_by_reader_and_schema() {
    for text in [
        "",
        "[project]\nname = 'x'",
        "[pool]\nrange = '1-65535'\nexclude = 80\non_exhausted = 'expand'\nexpand_range = '30000 - 30999'",
        "[pool]\nexclude = [80, '81', '82-90']\ndead = 'keep'",
        "[services.web]\npreferred = '3000'\nrange = '3000'\nfallback = 3999\nprotocol = 'both'",
        "[services.web]\nfallback = '4000-4010'\nenv = 'PORT'\nhealth = 'tcp'",
        "[services.a]\nhealth = '/x?y=1'\n[services.b]\nhealth = 'http://localhost:{port}/x'\n[services.'1c']\nhealth = \
         'http://[::1]/'",
        "[services.web]\nenv = ['A', '_b1']\ncommand_env = { X = 'http://{port}', Y = 3 }",
        "[services.web]\nhealth = 'HTTP://shop.LocalHost:3000/Health?x#y'",
        "[services.web]\nhealth = 'http://{host}:{port}'",
        "[services.web]\nhealth = 'http://127.1.2.3'",
        "[mirror]\nports_json = 'run/.ports.json'",
    ] {
        assert_eq!(Subject::project().reader_says(text), Ok(()), "{text}");
        assert_eq!(Subject::project().schema_says(text), Ok(()), "{text}");
    }
    for text in [
        "[leases]\npending = '1h30m'\nlapsing = '500ms'\nttl_max = '0'\ncool_down = '1d'",
        "[daemon]\nidle_exit = 'never'\nlog_level = 'trace'",
        "[metrics]\naddress = '127.0.0.1:9464'\n[alerts]\npool_percent = 1",
        "[metrics]\naddress = '[::1]:1'\n[alerts]\npool_percent = '100'",
    ] {
        assert_eq!(Subject::user().reader_says(text), Ok(()), "{text}");
        assert_eq!(Subject::user().schema_says(text), Ok(()), "{text}");
    }
}

#[test]
fn bad_files_are_refused_by_reader_and_schema() {
    for text in [
        "project = 1",
        "[servces.web]",
        "[project]\nnam = 'x'",
        "[project]\nname = ''",
        "[pool]\nrange = 20000",
        "[pool]\nrange = 'x'",
        "[pool]\nexclude = [1.5]",
        "[pool]\non_exhausted = 'expend'",
        "[pool]\ndead = true",
        "[services]\nweb = 1",
        "[services.'a/b']",
        "[services.12]",
        "[services.web]\nprefered = 1",
        "[services.web]\npreferred = 0",
        "[services.web]\npreferred = 65536",
        "[services.web]\nrange = '3000-'",
        "[services.web]\nfallback = -1",
        "[services.web]\nprotocol = 'TCP'",
        "[services.web]\nenv = ['A-B']",
        "[services.web]\nenv = { A = 1 }",
        "[services.web]\nhealth = 'http://example.com/'",
        "[services.web]\nhealth = 'http://localhost.example.com/'",
        "[services.web]\nhealth = 'http://localhost:80@example.com/'",
        "[services.web]\nhealth = 'http://localhost\\@example.com/'",
        "[services.web]\nhealth = 'https://localhost/'",
        "[services.web]\nhealth = '/a b'",
        "[services.web]\ncommand_env = { '1A' = 'x' }",
        "[services.web]\ncommand_env = { A = [1] }",
        "[mirror]\nports_json = '/etc/ports.json'",
        "[mirror]\nports_json = '../ports.json'",
        "[mirror]\nports_json = 'a/../ports.json'",
        "[mirror]\nports_json = '.bashrc'",
    ] {
        assert!(Subject::project().reader_says(text).is_err(), "{text}");
        assert!(Subject::project().schema_says(text).is_err(), "{text}");
    }
    for text in [
        "[mirror]\nports_json = 'ports.json'",
        "[leases]\npending = '5'",
        "[leases]\npending = 5",
        "[leases]\npending = '5m1h'",
        "[leases]\npending = ''",
        "[claims]\nunused = 'never'",
        "[daemon]\nlog_level = 'INFO'",
        "[metrics]\naddress = '0.0.0.0:9464'",
        "[metrics]\naddress = '127.0.0.1'",
        "[alerts]\npool_percent = 101",
        "[alerts]\npool_percent = '0'",
    ] {
        assert!(Subject::user().reader_says(text).is_err(), "{text}");
        assert!(Subject::user().schema_says(text).is_err(), "{text}");
    }
}
