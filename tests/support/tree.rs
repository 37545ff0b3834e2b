//! The source tree as the compiler sees it: which file names which, whatever form the name takes.

use std::collections::{BTreeMap, BTreeSet};
use std::path::{Path, PathBuf};
use std::sync::LazyLock;

use syn::visit::{self, Visit};

use super::{files, project};

/// A production file: its module, its code without tests, and what it names.
pub struct File {
    /// The path below `src/`.
    pub name: String,
    /// The room: the first folder below `src/`.
    pub room: String,
    /// Lines of code and comments, without tests.
    pub lines: usize,
    /// The code without its test modules.
    pub code: String,
    /// The files that it names, by number.
    pub names: BTreeSet<usize>,
    /// The first parts of the paths that it names, below the crate.
    pub rooms: BTreeSet<String>,
    /// The enums that it takes apart.
    pub matches: BTreeSet<String>,
    /// The types that it defines.
    pub types: BTreeSet<String>,
    module: Vec<String>,
    paths: Vec<Vec<String>>,
    uses: BTreeMap<String, Vec<String>>,
}

/// Every production file, in order of its name.
pub fn read() -> &'static [File] {
    static TREE: LazyLock<Vec<File>> = LazyLock::new(parse);
    &TREE
}

fn parse() -> Vec<File> {
    let root = project().join("src");
    let mut texts: BTreeMap<PathBuf, String> = BTreeMap::new();
    for path in files(&root).into_iter().filter(|path| path.extension().is_some_and(|ending| ending == "rs")) {
        texts.insert(path.strip_prefix(&root).unwrap().to_owned(), std::fs::read_to_string(&path).unwrap());
    }
    let parsed: BTreeMap<&PathBuf, syn::File> =
        texts.iter().map(|(path, text)| (path, syn::parse_file(text).unwrap())).collect();
    let for_tests: BTreeSet<Vec<String>> =
        parsed.iter().flat_map(|(path, file)| test_modules(&module_of(path), &file.items)).collect();
    let mut tree: Vec<File> = parsed
        .into_iter()
        .filter(|(path, _)| {
            let module = module_of(path);
            !(1..=module.len()).any(|to| for_tests.contains(&module[..to]))
        })
        .map(|(path, file)| File::of(path, &texts[path], file))
        .collect();
    let names: Vec<BTreeSet<usize>> = (0..tree.len())
        .map(|at| tree[at].paths.iter().filter_map(|path| file_of(&tree, path, 0)).filter(|to| *to != at).collect())
        .collect();
    tree.iter_mut().zip(names).for_each(|(file, names)| file.names = names);
    tree
}

impl File {
    fn of(path: &Path, text: &str, mut file: syn::File) -> Self {
        file.items.retain(|item| !is_for_tests(item));
        let module = module_of(path);
        let children = file.items.iter().filter_map(|item| match item {
            syn::Item::Mod(child) => Some(child.ident.to_string()),
            _ => None,
        });
        let mut found = Found { module: module.clone(), children: children.collect(), ..Found::default() };
        found.visit_file(&file);
        let named: Vec<_> = found.named.iter().filter_map(|path| found.below_crate(path)).collect();
        found.paths.extend(named);
        let code = text.split("#[cfg(test)]\nmod tests {").next().unwrap_or_default().to_owned();
        Self {
            name: path.display().to_string(),
            room: module.first().cloned().unwrap_or_default(),
            lines: code.lines().count(),
            names: BTreeSet::new(),
            rooms: found.paths.iter().filter_map(|path| path.first().cloned()).collect(),
            matches: found.matches,
            types: found.types,
            module,
            code,
            paths: found.paths,
            uses: found.uses,
        }
    }
}

/// The largest sets of files of a room that name each other in a circle.
///
/// A file that names the `mod.rs` above it does not count: that is where its module keeps what its files share, and it
/// declares them.
pub fn circles(tree: &[File], room: &str) -> Vec<Vec<String>> {
    let is_above = |from: usize, to: usize| {
        let (from, to) = (&tree[from].module, &tree[to].module);
        to.len() < from.len() && from.starts_with(to)
    };
    let next = |at: usize| {
        tree[at].names.iter().copied().filter(move |to| tree[*to].room == tree[at].room && !is_above(at, *to))
    };
    let reach = |start: usize| {
        let (mut seen, mut open) = (BTreeSet::new(), vec![start]);
        while let Some(at) = open.pop() {
            open.extend(next(at).filter(|to| seen.insert(*to)));
        }
        seen
    };
    let of_room: Vec<usize> = (0..tree.len()).filter(|at| tree[*at].room == room).collect();
    let reached: BTreeMap<usize, BTreeSet<usize>> = of_room.iter().map(|at| (*at, reach(*at))).collect();
    let mut circles: BTreeSet<Vec<usize>> = BTreeSet::new();
    for at in of_room.iter().filter(|at| reached[at].contains(at)) {
        circles.insert(reached[at].iter().copied().filter(|to| reached[to].contains(at)).collect());
    }
    let mut named: Vec<Vec<String>> =
        circles.into_iter().map(|circle| circle.into_iter().map(|at| tree[at].name.clone()).collect()).collect();
    named.sort_by_key(|circle: &Vec<String>| std::cmp::Reverse(circle.len()));
    named
}

/// The module that a file below `src/` holds.
fn module_of(path: &Path) -> Vec<String> {
    let mut parts: Vec<String> =
        path.with_extension("").components().map(|part| part.as_os_str().to_string_lossy().into_owned()).collect();
    if parts.last().is_some_and(|last| ["mod", "lib", "main"].contains(&last.as_str())) {
        parts.pop();
    }
    parts
}

/// The file in which a path ends; what a file only hands on is followed to where it comes from.
fn file_of(tree: &[File], path: &[String], depth: usize) -> Option<usize> {
    let (at, held) = (1..=path.len()).rev().find_map(|to| {
        let at = tree.iter().position(|file| file.module == path[..to] && file.name != "main.rs")?;
        Some((at, to))
    })?;
    let handed_on = path.get(held).and_then(|name| tree[at].uses.get(name));
    match handed_on.filter(|_| depth < 8) {
        Some(from) => file_of(tree, from, depth + 1).or(Some(at)),
        None => Some(at),
    }
}

fn is_for_tests(item: &syn::Item) -> bool {
    let (syn::Item::Mod(syn::ItemMod { attrs, .. })
    | syn::Item::Fn(syn::ItemFn { attrs, .. })
    | syn::Item::Use(syn::ItemUse { attrs, .. })
    | syn::Item::Impl(syn::ItemImpl { attrs, .. })
    | syn::Item::Const(syn::ItemConst { attrs, .. })
    | syn::Item::Struct(syn::ItemStruct { attrs, .. })) = item
    else {
        return false;
    };
    attrs.iter().any(is_cfg_test)
}

fn is_cfg_test(attribute: &syn::Attribute) -> bool {
    attribute.path().is_ident("cfg") && attribute.parse_args::<syn::Ident>().is_ok_and(|condition| condition == "test")
}

fn test_modules(module: &[String], items: &[syn::Item]) -> Vec<Vec<String>> {
    let below = |item: &syn::Item| match item {
        syn::Item::Mod(child) if is_for_tests(item) => {
            Some(module.iter().cloned().chain([child.ident.to_string()]).collect())
        }
        _ => None,
    };
    items.iter().filter_map(below).collect()
}

#[derive(Default)]
struct Found {
    module: Vec<String>,
    children: BTreeSet<String>,
    /// Paths as they are written: what they lead to is known once every `use` was read.
    named: Vec<Vec<String>>,
    paths: Vec<Vec<String>>,
    uses: BTreeMap<String, Vec<String>>,
    matches: BTreeSet<String>,
    types: BTreeSet<String>,
}

impl Found {
    /// A path below the crate; none where it leads out of it, or is a name of this file.
    fn below_crate(&self, path: &[String]) -> Option<Vec<String>> {
        let mut at: Vec<String> = match path.first()?.as_str() {
            "crate" | "pia_halo" => Vec::new(),
            "self" => self.module.clone(),
            "super" => self.module[..self.module.len().checked_sub(1)?].to_vec(),
            child if self.children.contains(child) => [self.module.clone(), vec![child.to_owned()]].concat(),
            // A module that a `use` has brought here.
            known => self.uses.get(known)?.clone(),
        };
        for part in &path[1..] {
            match part.as_str() {
                "super" => drop(at.pop()),
                "self" | "*" => {}
                part => at.push(part.to_owned()),
            }
        }
        Some(at)
    }

    fn take(&mut self, path: &[String]) {
        self.named.push(path.to_vec());
    }

    fn take_tree(&mut self, above: &[String], tree: &syn::UseTree) {
        let with = |name: String| [above, &[name]].concat();
        let (name, path) = match tree {
            syn::UseTree::Path(path) => return self.take_tree(&with(path.ident.to_string()), &path.tree),
            syn::UseTree::Group(group) => return group.items.iter().for_each(|tree| self.take_tree(above, tree)),
            syn::UseTree::Glob(_) => return self.take(above),
            // A group that names the module itself, too.
            syn::UseTree::Name(name) if name.ident == "self" => {
                (above.last().cloned().unwrap_or_default(), above.to_vec())
            }
            syn::UseTree::Name(name) => (name.ident.to_string(), with(name.ident.to_string())),
            syn::UseTree::Rename(name) => (name.rename.to_string(), with(name.ident.to_string())),
        };
        if let Some(path) = self.below_crate(&path) {
            self.uses.insert(name, path.clone());
            self.paths.push(path);
        }
    }

    /// The paths among the words of a macro.
    fn take_tokens(&mut self, tokens: &str) {
        let words: Vec<&str> = tokens.split_whitespace().collect();
        for at in 0..words.len() {
            let begins = at == 0 || words[at - 1] != "::";
            if begins && words.get(at + 1) == Some(&"::") {
                let rest = words[at..].chunks(2).take_while(|pair| pair.get(1).is_some_and(|sign| *sign == "::"));
                let mut path: Vec<String> = rest.map(|pair| pair[0].to_owned()).collect();
                path.extend(words.get(at + 2 * path.len()).map(|last| (*last).to_owned()));
                self.take(&path);
            }
        }
    }
}

impl Visit<'_> for Found {
    fn visit_item(&mut self, item: &syn::Item) {
        if !is_for_tests(item) {
            visit::visit_item(self, item);
        }
    }

    fn visit_item_struct(&mut self, item: &syn::ItemStruct) {
        self.types.insert(item.ident.to_string());
        visit::visit_item_struct(self, item);
    }

    fn visit_item_enum(&mut self, item: &syn::ItemEnum) {
        self.types.insert(item.ident.to_string());
        visit::visit_item_enum(self, item);
    }

    fn visit_item_use(&mut self, item: &syn::ItemUse) {
        self.take_tree(&[], &item.tree);
    }

    fn visit_path(&mut self, path: &syn::Path) {
        let parts: Vec<String> = path.segments.iter().map(|part| part.ident.to_string()).collect();
        if parts.len() > 1 {
            self.take(&parts);
        }
        visit::visit_path(self, path);
    }

    fn visit_macro(&mut self, used: &syn::Macro) {
        let tokens = used.tokens.to_string();
        self.take_tokens(&tokens);
        visit::visit_macro(self, used);
    }

    fn visit_pat(&mut self, pattern: &syn::Pat) {
        let path = match pattern {
            syn::Pat::TupleStruct(pattern) => Some(&pattern.path),
            syn::Pat::Struct(pattern) => Some(&pattern.path),
            syn::Pat::Path(pattern) => Some(&pattern.path),
            _ => None,
        };
        let owner = path.and_then(|path| path.segments.iter().nth_back(1));
        self.matches.extend(owner.map(|owner| owner.ident.to_string()));
        visit::visit_pat(self, pattern);
    }
}
