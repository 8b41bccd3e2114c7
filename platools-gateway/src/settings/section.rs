//! [`Section`]: a group of settings, such as `limits`. [`Setting`]: the declaration of one setting. The macro `section!` declares a
//! section, its settings, and the type of its values.
//!
//! Flags, variables, keys of the configuration file, checks, `config check`, the help and `docs/settings.md` come from the declaration.

use toml::Value;

use super::value::SettingValue;

/// The beginning of every variable of the gateway.
pub const VARIABLE_PREFIX: &str = "PLATOOLS_GATEWAY_";

/// A group of settings: one table of the configuration file. `section!` implements it.
pub trait Section {
    /// The name of the table, such as `limits.key`. It is empty for the settings above the first table.
    fn path(&self) -> &'static str;

    /// The heading in the help and in the documentation.
    fn title(&self) -> &'static str;

    /// A description of the section.
    fn about(&self) -> String;

    /// The settings of the section, in order.
    fn settings(&self) -> Vec<Setting>;

    /// The value of a setting in the form of a file. `None` for a secret, and for a setting without a value.
    fn get(&self, setting: &Setting) -> Option<Value>;

    /// Sets a value.
    ///
    /// # Errors
    /// The value does not fit. The error names the values that fit.
    fn set(&mut self, setting: &Setting, value: &Value) -> Result<(), String>;

    /// Visits this section and those below it.
    fn visit(&mut self, visitor: &mut dyn FnMut(&mut dyn Section));
}

/// The declaration of one setting.
#[derive(Debug, Clone)]
pub struct Setting {
    pub(super) index: usize,
    path: &'static str,
    prefix: &'static str,
    key: &'static str,
    doc: &'static [&'static str],
    form: &'static str,
    flag: Option<&'static str>,
    alias: Option<&'static str>,
    at_least: Option<&'static str>,
    pub(super) fallback: Option<(&'static str, bool)>,
    pub(super) example: Option<&'static str>,
    pub(super) default_text: Option<&'static str>,
    is_common: bool,
    is_secret: bool,
    parse: fn(&Self, &str) -> Result<Value, String>,
}

impl Setting {
    /// The name with its section, such as `limits.key.calls_per_second`.
    #[must_use]
    pub fn name(&self) -> String {
        joined(self.path, ".", self.key)
    }

    /// The path of its section.
    #[must_use]
    pub fn path(&self) -> &'static str {
        self.path
    }

    /// The key in the table of its section.
    #[must_use]
    pub fn key(&self) -> &'static str {
        self.key
    }

    /// The name of the flag, without dashes before it.
    #[must_use]
    pub fn flag(&self) -> String {
        self.flag.map_or_else(|| joined(self.prefix, "-", self.key).replace(['_', '.'], "-"), str::to_owned)
    }

    /// A second name of the flag.
    #[must_use]
    pub fn alias(&self) -> Option<&'static str> {
        self.alias
    }

    /// The environment variable.
    #[must_use]
    pub fn variable(&self) -> String {
        format!("{VARIABLE_PREFIX}{}", self.flag().replace('-', "_").to_uppercase())
    }

    /// The form of the value in the usage of the flag, such as `TIME`.
    #[must_use]
    pub fn form(&self) -> &'static str {
        self.form
    }

    /// The first paragraph of the documentation: one sentence.
    #[must_use]
    pub fn summary(&self) -> String {
        let paragraph = self.doc.iter().map(|line| line.trim()).take_while(|line| !line.is_empty());
        paragraph.collect::<Vec<_>>().join(" ")
    }

    /// The whole documentation as one paragraph.
    #[must_use]
    pub fn description(&self) -> String {
        prose(self.doc)
    }

    /// Tells whether the short help lists the flag.
    #[must_use]
    pub fn is_common(&self) -> bool {
        self.is_common
    }

    /// Tells whether only the environment may have the value. Flags and files are read by too many.
    #[must_use]
    pub fn is_secret(&self) -> bool {
        self.is_secret
    }

    /// Reads the text of a flag or a variable.
    ///
    /// # Errors
    /// The text does not fit. The error names the values that fit.
    pub fn parse(&self, text: &str) -> Result<Value, String> {
        (self.parse)(self, text)
    }

    pub(super) fn new<K: SettingValue>(
        (path, prefix): (&'static str, &'static str),
        key: &'static str,
        doc: &'static [&'static str],
    ) -> Self {
        Self {
            index: 0,
            path,
            prefix,
            key,
            doc,
            form: K::FORM,
            flag: None,
            alias: None,
            at_least: None,
            fallback: None,
            example: None,
            default_text: None,
            is_common: false,
            is_secret: K::IS_SECRET,
            parse: |setting, text| {
                let value = K::parse(text);
                setting.accept::<K>(&value).map(|_| value)
            },
        }
    }

    /// Reads a value and checks its lower bound.
    pub(super) fn accept<K: SettingValue>(&self, value: &Value) -> Result<K, String> {
        let read = K::read(value).ok_or_else(|| format!("it takes {}", K::EXPECTED))?;
        let least = self.at_least.filter(|least| {
            let least = K::read(&K::parse(least)).and_then(|least| least.amount());
            read.amount().zip(least).is_some_and(|(amount, least)| amount < least)
        });
        least.map_or(Ok(read), |least| Err(format!("it takes at least {least}")))
    }
}

/// Options of a declaration.
impl Setting {
    /// The key, where it differs from the field.
    pub(super) fn named(mut self, key: &'static str) -> Self {
        self.key = key;
        self
    }

    /// The flag, where it differs from section and key. The variable follows it.
    pub(super) fn with_flag(mut self, flag: &'static str) -> Self {
        self.flag = Some(flag);
        self
    }

    /// A second flag.
    pub(super) fn with_alias(mut self, flag: &'static str) -> Self {
        self.alias = Some(flag);
        self
    }

    /// The form of the value, where it differs from that of its type.
    pub(super) fn shaped(mut self, form: &'static str) -> Self {
        self.form = form;
        self
    }

    /// Lists the flag in the short help.
    pub(super) fn common(mut self) -> Self {
        self.is_common = true;
        self
    }

    /// The smallest value.
    pub(super) fn at_least(mut self, least: &'static str) -> Self {
        self.at_least = Some(least);
        self
    }

    /// A variable of other programs that counts where the setting's own is not set, if it is in effect.
    pub(super) fn or_variable(mut self, name: &'static str, is_in_effect: bool) -> Self {
        self.fallback = Some((name, is_in_effect));
        self
    }

    /// A value for the file in `deploy`, for a setting without a default.
    pub(super) fn example(mut self, value: &'static str) -> Self {
        self.example = Some(value);
        self
    }

    /// The default in words.
    pub(super) fn default_text(mut self, text: &'static str) -> Self {
        self.default_text = Some(text);
        self
    }
}

/// The lines of a doc comment as one paragraph.
pub(super) fn prose(lines: &[&str]) -> String {
    lines.iter().map(|line| line.trim()).filter(|line| !line.is_empty()).collect::<Vec<_>>().join(" ")
}

/// The settings with their places in the list.
pub(super) fn numbered(mut settings: Vec<Setting>) -> Vec<Setting> {
    settings.iter_mut().enumerate().for_each(|(index, setting)| setting.index = index);
    settings
}

fn joined(first: &str, separator: &str, second: &str) -> String {
    if first.is_empty() { second.to_owned() } else { format!("{first}{separator}{second}") }
}

/// Declares a section: a type with a public field for each setting, its `Default`, and its [`Section`].
///
/// ```text
/// section! {
///     /// A description of the section.
///     pub struct CallSettings: "calls" titled "Calls" {
///         /// One sentence, which the help shows, too.
///         ///
///         /// More about it, for the documentation only.
///         pub max_timeout: Duration = minutes(10), at_least("1s"), common();
///         /// A field that the file has in another form and under another name.
///         pub max_message_bytes: usize as Size = 64 * KIB, named("max_message");
///     }
/// }
/// ```
///
/// `as "prefix"` after the path sets the beginning of the flags. `with { .. }` after the settings lists sections below this one.
/// The options are the methods of [`Setting`] above.
macro_rules! section {
    (@kind $type:ty) => { $type };
    (@kind $type:ty as $kind:ty) => { $kind };
    (@prefix $path:literal) => { $path };
    (@prefix $path:literal as $prefix:literal) => { $prefix };
    (
        $(#[doc = $about:literal])+
        $(#[derive($($derive:ident),+)])?
        pub struct $name:ident: $path:literal $(as $prefix:literal)? titled $title:literal {
            $(
                $(#[doc = $doc:literal])+
                pub $field:ident: $type:ty $(as $kind:ty)? = $default:expr $(, $option:ident($($argument:expr),*))*;
            )*
        }
        $(with {
            $($(#[doc = $below_doc:literal])+ pub $below:ident: $below_type:ty;)+
        })?
    ) => {
        $(#[doc = $about])+
        #[allow(rustdoc::bare_urls, reason = "the help shows the documentation as it is")]
        #[derive(Debug, Clone $($(, $derive)+)?)]
        #[non_exhaustive]
        pub struct $name {
            $(
                $(#[doc = $doc])+
                #[doc = concat!("\n\nDefault: `", stringify!($default), "`.")]
                pub $field: $type,
            )*
            $($($(#[doc = $below_doc])+ pub $below: $below_type,)+)?
        }

        impl Default for $name {
            fn default() -> Self {
                Self { $($field: $default,)* $($($below: Default::default(),)+)? }
            }
        }

        impl $name {
            /// Changes settings: `with(|settings| settings.field = value)`.
            #[must_use]
            pub fn with(mut self, change: impl FnOnce(&mut Self)) -> Self {
                change(&mut self);
                self
            }
        }

        impl $crate::settings::Section for $name {
            fn path(&self) -> &'static str {
                $path
            }

            fn title(&self) -> &'static str {
                $title
            }

            fn about(&self) -> String {
                $crate::settings::section::prose(&[$($about),+])
            }

            fn settings(&self) -> Vec<$crate::settings::Setting> {
                let place = ($path, section!(@prefix $path $(as $prefix)?));
                $crate::settings::section::numbered(vec![$(
                    $crate::settings::Setting::new::<section!(@kind $type $(as $kind)?)>(place, stringify!($field), &[$($doc),+])
                        $(.$option($($argument),*))*
                ),*])
            }

            fn get(&self, setting: &$crate::settings::Setting) -> Option<toml::Value> {
                use $crate::settings::value::SettingValue as _;
                let getters: &[fn(&Self) -> Option<toml::Value>] =
                    &[$(|section| <section!(@kind $type $(as $kind)?)>::from(section.$field.clone()).write()),*];
                getters.get(setting.index)?(self)
            }

            fn set(&mut self, setting: &$crate::settings::Setting, value: &toml::Value) -> Result<(), String> {
                let setters: &[fn(&mut Self, &$crate::settings::Setting, &toml::Value) -> Result<(), String>] =
                    &[$(|section, setting, value| {
                        section.$field = setting.accept::<section!(@kind $type $(as $kind)?)>(value)?.into();
                        Ok(())
                    }),*];
                setters.get(setting.index).map_or(Ok(()), |set| set(self, setting, value))
            }

            fn visit(&mut self, visitor: &mut dyn FnMut(&mut dyn $crate::settings::Section)) {
                visitor(self);
                $($(self.$below.visit(visitor);)+)?
            }
        }
    };
}

pub(super) use section;
