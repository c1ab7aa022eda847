//! The reference of a plugin, from what it says of itself.

use krun_model::ParamSpec;

use crate::{
    kinds::{KindEntry, kind_text},
    markdown::{entry, table},
};

/// What a plugin is, for its page.
#[derive(Clone)]
pub struct PluginPage<'a> {
    /// Its name.
    pub name: &'a str,
    /// Its version.
    pub version: &'a str,
    /// What it is for.
    pub doc: &'a str,
    /// Grants that it asks for, each with the reason.
    pub wants: Vec<(&'a str, &'a str)>,
    /// Whether it is a whole runbook.
    pub is_runbook: bool,
    /// The runbook's parameters.
    pub params: &'a [ParamSpec],
    /// Its kinds.
    pub kinds: Vec<KindEntry<'a>>,
}

/// The page of a plugin.
pub fn plugin_page(page: &PluginPage<'_>) -> String {
    let PluginPage {
        name, version, doc, ..
    } = page;
    let mut text = format!("<!-- Made by `krun doc --plugin {name}`. -->\n\n# Plugin `{name}`\n\n");
    text.push_str(&format!("Version {version}. {}.\n", entry(doc)));
    if !page.wants.is_empty() {
        let wants = page.wants.iter();
        let rows: Vec<_> = wants
            .map(|(grant, why)| vec![format!("`{grant}`"), entry(why)])
            .collect();
        text.push('\n');
        text.push_str(&table(
            &["grant that it asks for", ""].map(str::to_owned),
            &rows,
        ));
    }
    if page.is_runbook {
        text.push_str("\n## A whole runbook\n\n");
        let rows: Vec<_> = page.params.iter().map(param).collect();
        let head = ["parameter", "type", "default", ""].map(str::to_owned);
        text.push_str(&table(&head, &rows));
    }
    if !page.kinds.is_empty() {
        text.push_str(&format!(
            "\n## Step kinds\n\nA runbook that uses them says `use_plugin(\"{name}\");`. Arguments in **bold** must be given.\n"
        ));
        for kind in &page.kinds {
            text.push_str(&kind_text(kind));
        }
    }
    text
}

fn param(param: &ParamSpec) -> Vec<String> {
    let name = match &param.default {
        Some(_) => format!("`{}`", param.name),
        None => format!("**`{}`**", param.name),
    };
    let default = param.default.as_ref();
    let default = default.map_or(String::new(), |default| format!("`{default}`"));
    let doc = param.doc.split_whitespace().collect::<Vec<_>>().join(" ");
    vec![name, format!("`{}`", param.ty.word()), default, entry(&doc)]
}
