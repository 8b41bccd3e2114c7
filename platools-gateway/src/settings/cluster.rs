//! [`ClusterSettings`]: the number of a gateway among those of its installation, and the NATS servers that connect them.

use std::path::PathBuf;

#[cfg(feature = "nats")]
use platools_bus::nats::{NatsCredentials, NatsError, NatsSettings};
use secrecy::SecretString;
use toml::Value;

use super::DatabaseSettings;
use super::check::refused;
#[cfg(feature = "nats")]
use super::check::{SecretNames, read_secret};
use super::section::section;
use super::value::SettingValue;
use crate::domain::error::Error;
use crate::domain::ids::GatewayNumber;

section! {
    /// Several gateways on one PostgreSQL database, which exchange messages over NATS. See [several gateways](cluster.md).
    pub struct ClusterSettings: "cluster" titled "Several gateways" {
        /// Number of this gateway, from 1 to 1023. Each gateway of an installation has its own.
        ///
        /// A gateway keeps its number when it starts again: the ids of calls have it.
        pub gateway: Option<GatewayNumber> = None, example("1");
        /// NATS servers that connect the gateways of an installation.
        ///
        /// The URLs are like `nats://10.0.0.5:4222` or `tls://nats.example.com`, without a user and a password. One server that answers is
        /// enough: it names the others of its cluster.
        pub nats: Vec<String> = Vec::new(), with_flag("nats"), shaped("URLS");
        /// Name of the installation, where several use the same NATS servers.
        pub installation: String = "platools".to_owned(), shaped("NAME");
        /// User of the gateways at the NATS servers.
        pub nats_user: Option<String> = None, with_flag("nats-user"), shaped("NAME"), example("gateway");
        /// Password of that user.
        pub nats_password: Option<SecretString> = None, with_flag("nats-password");
        /// File with the password of that user.
        pub nats_password_file: Option<PathBuf> = None, with_flag("nats-password-file"), example("/etc/platools/nats-password");
        /// Token of the gateways at the NATS servers, in place of a user.
        pub nats_token: Option<SecretString> = None, with_flag("nats-token");
        /// File with the token of the gateways at the NATS servers.
        pub nats_token_file: Option<PathBuf> = None, with_flag("nats-token-file"), example("/etc/platools/nats-token");
        /// Credentials file of NATS, as nsc writes it, in place of a user or a token.
        pub nats_credentials_file: Option<PathBuf> = None, with_flag("nats-credentials-file"), example("/etc/platools/gateway.creds");
        /// PEM file of the authorities that sign the certificates of the NATS servers.
        ///
        /// With it, a connection is always encrypted. Without it, a `tls://` server is checked against the authorities of the system.
        pub nats_authority: Option<PathBuf> = None, with_flag("nats-authority"), example("/etc/platools/nats-ca.pem");
        /// PEM file of the certificate that the gateway shows to the NATS servers.
        pub nats_certificate: Option<PathBuf> = None, with_flag("nats-certificate"), example("/etc/platools/nats.pem");
        /// PEM file of that certificate's private key.
        pub nats_key: Option<PathBuf> = None, with_flag("nats-key"), example("/etc/platools/nats-key.pem");
    }
}

impl ClusterSettings {
    /// The number of the gateway: [`GatewayNumber::ALONE`] without others.
    pub(crate) fn number(&self) -> GatewayNumber {
        self.gateway.unwrap_or_default()
    }

    /// True if the gateway is one of several.
    pub(crate) fn is_used(&self) -> bool {
        !self.nats.is_empty()
    }

    /// Checks the settings, with the database that the gateways share.
    ///
    /// # Errors
    /// Something is missing or contradicts itself, or a file cannot be read.
    pub(crate) fn check(&self, database: &DatabaseSettings) -> Result<(), Error> {
        match (self.is_used(), self.gateway) {
            (true, None) => {
                let message = "`cluster.nats` is set and `cluster.gateway` is not; give each gateway of the installation a number of its own, \
                               from 1 to 1023";
                return Err(refused(message));
            }
            (false, Some(_)) => {
                let message = "`cluster.gateway` is set and `cluster.nats` is not; name the NATS servers that connect the gateways, or take the \
                               number away to run one gateway alone";
                return Err(refused(message));
            }
            (true, Some(_)) if database.url.is_none() => {
                let message = "`cluster.nats` is set and `database.url` is not; several gateways share a PostgreSQL database, so name one, or take \
                               `cluster.nats` and `cluster.gateway` away to run one gateway on a folder";
                return Err(refused(message));
            }
            (true, Some(_)) | (false, None) => {}
        }
        if self.nats_certificate.is_some() != self.nats_key.is_some() {
            let message =
                "one of `cluster.nats_certificate` and `cluster.nats_key` is set and the other is not; NATS takes both";
            return Err(refused(message));
        }
        self.check_connection()
    }

    #[cfg(feature = "nats")]
    fn check_connection(&self) -> Result<(), Error> {
        self.servers().map(drop)
    }

    #[cfg(not(feature = "nats"))]
    fn check_connection(&self) -> Result<(), Error> {
        if self.is_used() {
            let message = "this gateway was built without the feature `nats`; build it with that feature, or set no `cluster.nats`";
            return Err(refused(message));
        }
        Ok(())
    }

    /// The servers, if there are any, with the secrets from their files.
    ///
    /// # Errors
    /// An address or the name of the installation is malformed, there are two credentials, or a file cannot be read.
    #[cfg(feature = "nats")]
    pub(crate) fn servers(&self) -> Result<Option<NatsSettings>, Error> {
        if !self.is_used() {
            return Ok(None);
        }
        let settings = NatsSettings {
            servers: self.nats.clone(),
            installation: self.installation.clone(),
            name: format!("platools-gateway {}", self.number().get()),
            credentials: self.credentials()?,
            certificate_authority: self.nats_authority.clone(),
            client_certificate: self.nats_certificate.clone().zip(self.nats_key.clone()),
        };
        settings.check().map_err(|error: NatsError| refused(error.to_string()))?;
        Ok(Some(settings))
    }

    #[cfg(feature = "nats")]
    fn credentials(&self) -> Result<NatsCredentials, Error> {
        let password = PASSWORD.read(self.nats_password.as_ref(), self.nats_password_file.as_deref())?;
        let token = TOKEN.read(self.nats_token.as_ref(), self.nats_token_file.as_deref())?;
        match (&self.nats_user, password, token, &self.nats_credentials_file) {
            (None, None, None, None) => Ok(NatsCredentials::None),
            (Some(user), Some(password), None, None) => Ok(NatsCredentials::Password { user: user.clone(), password }),
            (None, None, Some(token), None) => Ok(NatsCredentials::Token(token)),
            (None, None, None, Some(file)) => {
                Ok(NatsCredentials::File(read_secret("cluster.nats_credentials_file", file)?))
            }
            (Some(_), None, None, None) | (None, Some(_), None, None) => Err(refused(
                "one of `cluster.nats_user` and the user's password is set and the other is not; NATS takes both",
            )),
            _ => Err(refused(
                "several credentials for NATS are set; keep one: a user and a password, a token, or a credentials file",
            )),
        }
    }
}

#[cfg(feature = "nats")]
const PASSWORD: SecretNames =
    SecretNames { variable: "PLATOOLS_GATEWAY_NATS_PASSWORD", file: "cluster.nats_password_file" };

#[cfg(feature = "nats")]
const TOKEN: SecretNames = SecretNames { variable: "PLATOOLS_GATEWAY_NATS_TOKEN", file: "cluster.nats_token_file" };

/// A number of a gateway that is not alone.
impl SettingValue for GatewayNumber {
    const FORM: &'static str = "NUMBER";
    const EXPECTED: &'static str = "a whole number from 1 to 1023";

    fn parse(text: &str) -> Value {
        u32::parse(text)
    }

    fn read(value: &Value) -> Option<Self> {
        let number = u16::try_from(value.as_integer()?).ok()?;
        Self::new(number).filter(|number| *number != Self::ALONE)
    }

    fn write(&self) -> Option<Value> {
        Some(Value::Integer(self.get().into()))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn several() -> ClusterSettings {
        ClusterSettings::default().with(|settings| {
            settings.gateway = GatewayNumber::new(1);
            settings.nats = vec!["nats://127.0.0.1:4222".to_owned()];
        })
    }

    fn database() -> DatabaseSettings {
        DatabaseSettings::default()
            .with(|settings| settings.url = Some("postgres://gateway@db.example.com/platools".to_owned()))
    }

    fn refusal(settings: &ClusterSettings, database: &DatabaseSettings) -> String {
        let refused = settings.check(database).unwrap_err();
        format!("{refused} {refused:?}")
    }

    #[test]
    fn a_gateway_alone_needs_neither_a_number_nor_nats() {
        let alone = ClusterSettings::default();
        alone.check(&DatabaseSettings::default()).unwrap();
        assert_eq!(alone.number(), GatewayNumber::ALONE);
    }

    #[test]
    fn numbers_are_from_1_to_1023() {
        for (text, number) in
            [("1", Some(1)), ("1023", Some(1023)), ("0", None), ("1024", None), ("-1", None), ("a", None)]
        {
            let read = Option::<GatewayNumber>::read(&Option::<GatewayNumber>::parse(text)).flatten();
            assert_eq!(read.map(GatewayNumber::get), number, "{text}");
        }
        assert_eq!(several().number().write(), Some(Value::Integer(1)));
    }

    #[test]
    fn settings_that_lack_a_part_are_refused_and_name_it() {
        let without_number = several().with(|settings| settings.gateway = None);
        assert!(refusal(&without_number, &database()).contains("give each gateway"));
        let without_nats = several().with(|settings| settings.nats.clear());
        assert!(refusal(&without_nats, &database()).contains("name the NATS servers"));
        assert!(refusal(&several(), &DatabaseSettings::default()).contains("share a PostgreSQL database"));
        let without_key = several().with(|settings| settings.nats_certificate = Some("/c".into()));
        assert!(refusal(&without_key, &database()).contains("NATS takes both"));
    }

    #[cfg(not(feature = "nats"))]
    #[test]
    fn a_build_without_nats_says_so() {
        assert!(refusal(&several(), &database()).contains("without the feature `nats`"));
    }

    #[cfg(feature = "nats")]
    mod nats {
        use secrecy::ExposeSecret as _;

        use super::*;

        #[test]
        fn secrets_come_from_files_and_are_not_shown() {
            let folder = tempfile::tempdir().unwrap();
            let file = folder.path().join("secret");
            std::fs::write(&file, "hush\nmore of a file").unwrap();
            let of = |change: &dyn Fn(&mut ClusterSettings)| {
                let settings = several().with(change).servers().unwrap().unwrap();
                assert!(!format!("{settings:?}").contains("hush"));
                settings.credentials
            };
            match of(&|settings| {
                settings.nats_user = Some("gateway".to_owned());
                settings.nats_password_file = Some(file.clone());
            }) {
                NatsCredentials::Password { user, password } => {
                    assert_eq!((&*user, password.expose_secret()), ("gateway", "hush"));
                }
                other => panic!("{other:?}"),
            }
            match of(&|settings| settings.nats_token = Some("hush".into())) {
                NatsCredentials::Token(token) => assert_eq!(token.expose_secret(), "hush"),
                other => panic!("{other:?}"),
            }
            match of(&|settings| settings.nats_credentials_file = Some(file.clone())) {
                NatsCredentials::File(text) => assert_eq!(text.expose_secret(), "hush\nmore of a file"),
                other => panic!("{other:?}"),
            }
        }

        #[test]
        fn credentials_that_contradict_each_other_are_refused() {
            let of = |change: &dyn Fn(&mut ClusterSettings)| refusal(&several().with(change), &database());
            assert!(of(&|settings| settings.nats_user = Some("gateway".to_owned())).contains("NATS takes both"));
            let both = of(&|settings| {
                settings.nats_token = Some("hush".into());
                settings.nats_credentials_file = Some("/nowhere".into());
            });
            assert!(both.contains("keep one") && !both.contains("hush"), "{both}");
            let twice = of(&|settings| {
                settings.nats_token = Some("hush".into());
                settings.nats_token_file = Some("/nowhere".into());
            });
            assert!(twice.contains("PLATOOLS_GATEWAY_NATS_TOKEN") && !twice.contains("hush"), "{twice}");
            let missing = of(&|settings| settings.nats_credentials_file = Some("/nowhere".into()));
            assert!(missing.contains("`cluster.nats_credentials_file` /nowhere cannot be read"), "{missing}");
        }

        #[test]
        fn addresses_and_the_installation_are_checked_and_a_password_is_not_repeated() {
            let address = several().with(|settings| settings.nats = vec!["nats://gateway:hush@host".to_owned()]);
            let refused = refusal(&address, &database());
            assert!(refused.contains("give them as credentials") && !refused.contains("hush"), "{refused}");
            let name = several().with(|settings| settings.installation = "a.b".to_owned());
            assert!(refusal(&name, &database()).contains("is no name of an installation"));
        }
    }
}
