//! What the command line does with accounts. Each operation is all or nothing, and on disk when it returns.

use jiff::Timestamp;
use jiff::civil::Date;
use jiff::tz::TimeZone;
use rusqlite::Connection;
use sekisho_checkpoint::account::{Account, AccountId, Group, LoginName, Password};
use sekisho_checkpoint::address::{MailAddress, OwnDomains};

use crate::accounts::OwnAccounts;
use crate::store::{self, Fresh, Kept};
use crate::{AccountsError, rules};

/// The longest display name and group name, in bytes.
const LONGEST_TEXT: usize = 200;

/// The data of a new account.
#[derive(Debug, Clone, Default)]
pub struct NewAccount {
    /// The login name as typed.
    pub login: String,
    /// The display name of the person or role; may be empty.
    pub display_name: String,
    /// Its addresses; the first is the sender's. Without any, it gets its login name in the site's first mail domain.
    pub addresses: Vec<MailAddress>,
    /// Its groups.
    pub groups: Vec<Group>,
    /// Its password. Without one, nobody can sign in until one is set.
    pub password: Option<Password>,
    /// The time from which it can't be used any more.
    pub ends_at: Option<Timestamp>,
}

/// An account with details for the command line.
#[derive(Debug, Clone)]
pub struct AccountDetails {
    /// The account, with `usable` as of now.
    pub account: Account,
    /// Whether it was disabled by hand.
    pub disabled: bool,
    /// The time from which it can't be used any more.
    pub ends_at: Option<Timestamp>,
    /// When it was created.
    pub created_at: Timestamp,
    /// Whether a password is set.
    pub has_password: bool,
}

impl OwnAccounts {
    /// Creates an account.
    ///
    /// # Errors
    /// A part of it is invalid, or one of its names is taken.
    pub async fn add(&self, new: NewAccount) -> Result<AccountId, AccountsError> {
        let mut fresh = checked(&new, &self.settings.own_domains, self.clock.now())?;
        if let Some(password) = &new.password {
            rules::check(password, &fresh.login, self.settings.shortest_password)?;
            fresh.password = Some(self.pool.hash(password).await?);
        }
        self.store.write(move |db| store::insert(db, &fresh)).await
    }

    /// All accounts by login name, except deleted ones.
    ///
    /// # Errors
    /// The file can't be read.
    pub async fn list(&self) -> Result<Vec<AccountDetails>, AccountsError> {
        let all = self.store.read(store::all).await?;
        Ok(all.into_iter().map(|kept| self.details_of(kept)).collect())
    }

    /// One account.
    ///
    /// # Errors
    /// [`AccountsError::NoSuchAccount`], or the file can't be read.
    pub async fn show(&self, account: AccountId) -> Result<AccountDetails, AccountsError> {
        let kept = self
            .store
            .read(move |db| store::existing(db, account))
            .await?;
        Ok(self.details_of(kept))
    }

    /// Sets a new password if it obeys the rules. The checkpoint decides which sessions and connections that ends.
    ///
    /// # Errors
    /// The rule that it breaks, or that there is no such account.
    pub async fn change_password(
        &self,
        account: AccountId,
        new: &Password,
    ) -> Result<(), AccountsError> {
        let kept = self
            .store
            .read(move |db| store::existing(db, account))
            .await?;
        rules::check(new, &kept.account.login, self.settings.shortest_password)?;
        let hash = self.pool.hash(new).await?;
        self.change(account, move |db, _| {
            store::set_password(db, account, &hash)
        })
        .await
    }

    /// Checks whether a new password would be accepted; nothing is changed.
    ///
    /// # Errors
    /// Why it would be refused.
    pub async fn check_password(
        &self,
        account: AccountId,
        new: &Password,
    ) -> Result<(), AccountsError> {
        let kept = self
            .store
            .read(move |db| store::existing(db, account))
            .await?;
        Ok(rules::check(
            new,
            &kept.account.login,
            self.settings.shortest_password,
        )?)
    }

    /// Disables an account, or enables it again.
    ///
    /// # Errors
    /// There is no such account.
    pub async fn set_disabled(
        &self,
        account: AccountId,
        disabled: bool,
    ) -> Result<(), AccountsError> {
        self.change(account, move |db, _| {
            store::set_disabled(db, account, disabled)
        })
        .await
    }

    /// Changes the login name; the old one becomes free at once.
    ///
    /// # Errors
    /// The name is invalid or taken.
    pub async fn rename(&self, account: AccountId, login: &str) -> Result<(), AccountsError> {
        let login = login_name(login)?;
        self.change(account, move |db, _| store::set_login(db, account, &login))
            .await
    }

    /// Sets the display name.
    ///
    /// # Errors
    /// It contains control characters or is too long.
    pub async fn set_display_name(
        &self,
        account: AccountId,
        name: &str,
    ) -> Result<(), AccountsError> {
        let name = plain_text(name)?;
        self.change(account, move |db, _| {
            store::set_display_name(db, account, &name)
        })
        .await
    }

    /// Adds an address; does nothing if the account has it already.
    ///
    /// # Errors
    /// The address is not in one of the site's own domains, or belongs to another account.
    pub async fn add_address(
        &self,
        account: AccountId,
        address: MailAddress,
    ) -> Result<(), AccountsError> {
        own_address(&address, &self.settings.own_domains)?;
        self.change(account, move |db, kept| {
            let mut addresses = kept.account.addresses;
            if addresses.iter().all(|has| has.folded() != address.folded()) {
                addresses.push(address);
            }
            store::set_addresses(db, account, &addresses)
        })
        .await
    }

    /// Lets an account share an address, such as office@, whose mail goes to all accounts that share it. Nobody can
    /// sign in with it or send from it.
    ///
    /// # Errors
    /// The address is not in one of the site's own domains, or belongs to one account.
    pub async fn share(
        &self,
        address: &MailAddress,
        account: AccountId,
    ) -> Result<(), AccountsError> {
        own_address(address, &self.settings.own_domains)?;
        let folded = address.folded();
        self.change(account, move |db, _| store::share(db, &folded, account))
            .await
    }

    /// Ends the sharing of an address by an account.
    ///
    /// # Errors
    /// [`AccountsError::NotShared`] if the account doesn't share it.
    pub async fn unshare(
        &self,
        address: &MailAddress,
        account: AccountId,
    ) -> Result<(), AccountsError> {
        let address = address.clone();
        self.change(account, move |db, _| {
            if store::unshare(db, &address.folded(), account)? {
                Ok(())
            } else {
                Err(AccountsError::NotShared(address))
            }
        })
        .await
    }

    /// All shared addresses, each with the login names of its accounts.
    ///
    /// # Errors
    /// The file can't be read.
    pub async fn shared(&self) -> Result<Vec<(String, Vec<String>)>, AccountsError> {
        self.store.read(store::shared).await
    }

    /// Removes an address.
    ///
    /// # Errors
    /// The account doesn't have it, or has no other.
    pub async fn remove_address(
        &self,
        account: AccountId,
        address: &MailAddress,
    ) -> Result<(), AccountsError> {
        let address = address.clone();
        self.change(account, move |db, kept| {
            let had = kept.account.addresses.len();
            let mut left = kept.account.addresses;
            left.retain(|has| has.folded() != address.folded());
            if left.len() == had {
                return Err(AccountsError::NotItsAddress(address));
            }
            if left.is_empty() {
                return Err(AccountsError::NoAddress);
            }
            store::set_addresses(db, account, &left)
        })
        .await
    }

    /// Replaces the account's groups.
    ///
    /// # Errors
    /// A group's name is invalid.
    pub async fn set_groups(
        &self,
        account: AccountId,
        groups: Vec<Group>,
    ) -> Result<(), AccountsError> {
        groups.iter().try_for_each(group_name)?;
        self.change(account, move |db, _| {
            store::set_groups(db, account, &groups)
        })
        .await
    }

    /// Sets or removes the time from which the account can't be used any more.
    ///
    /// # Errors
    /// There is no such account.
    pub async fn set_end(
        &self,
        account: AccountId,
        ends_at: Option<Timestamp>,
    ) -> Result<(), AccountsError> {
        self.change(account, move |db, _| store::set_end(db, account, ends_at))
            .await
    }

    /// Parses an account's end as people write it, in the site's time zone: see [`parse_end`].
    ///
    /// # Errors
    /// It is neither a date nor a time.
    pub fn parse_end(&self, text: &str) -> Result<Timestamp, AccountsError> {
        parse_end(text, &self.settings.zone)
    }

    /// Deletes an account; its mail is kept. Its names become free, but its id is never used again, so the next owner
    /// of a name inherits nothing.
    ///
    /// # Errors
    /// There is no such account.
    pub async fn delete(&self, account: AccountId) -> Result<(), AccountsError> {
        let now = self.clock.now();
        self.change(account, move |db, _| store::delete(db, account, now))
            .await
    }

    async fn change(
        &self,
        account: AccountId,
        work: impl FnOnce(&Connection, Kept) -> Result<(), AccountsError> + Send + 'static,
    ) -> Result<(), AccountsError> {
        self.store
            .write(move |db| {
                let kept = store::existing(db, account)?;
                work(db, kept)
            })
            .await
    }

    fn details_of(&self, kept: Kept) -> AccountDetails {
        AccountDetails {
            disabled: kept.disabled,
            ends_at: kept.ends_at,
            created_at: kept.created_at,
            has_password: kept.password.is_some(),
            account: self.as_of_now(kept),
        }
    }
}

/// Parses the end of an account. A date is the account's last day in the zone, so it ends at the midnight after it; a
/// time is taken as it is.
///
/// # Errors
/// The text is neither a date nor a time.
pub fn parse_end(text: &str, zone: &TimeZone) -> Result<Timestamp, AccountsError> {
    let text = text.trim();
    let midnight_after = |day: Date| {
        let next = day.tomorrow().ok()?;
        zone.to_timestamp(next.at(0, 0, 0, 0)).ok()
    };
    match text.parse::<Timestamp>() {
        Ok(time) => Some(time),
        Err(_) if text.len() == "2027-03-31".len() => text.parse().ok().and_then(midnight_after),
        Err(_) => None,
    }
    .ok_or_else(|| AccountsError::BadEnd(text.to_owned()))
}

/// Checks everything about a new account except its password.
pub(crate) fn checked(
    new: &NewAccount,
    own: &OwnDomains,
    now: Timestamp,
) -> Result<Fresh, AccountsError> {
    let login = login_name(&new.login)?;
    let mut addresses = new.addresses.clone();
    if addresses.is_empty() {
        let domain = own.main().ok_or(AccountsError::NoAddress)?;
        addresses.push(parse_address(&format!("{login}@{domain}"))?);
    }
    addresses
        .iter()
        .try_for_each(|address| own_address(address, own))?;
    new.groups.iter().try_for_each(group_name)?;
    Ok(Fresh {
        login,
        display_name: plain_text(&new.display_name)?,
        addresses,
        groups: new.groups.clone(),
        password: None,
        ends_at: new.ends_at,
        created_at: now,
    })
}

pub(crate) fn parse_address(text: &str) -> Result<MailAddress, AccountsError> {
    MailAddress::parse(text).map_err(|why| AccountsError::NotAnAddress {
        text: text.to_owned(),
        why,
    })
}

/// Parses a login name. It must not be readable as anything else: `@` would make it an address, and `+` would start a
/// detail.
fn login_name(text: &str) -> Result<String, AccountsError> {
    let name = LoginName::parse(text)?;
    let name = name.as_str();
    let plain = name
        .chars()
        .all(|c| c.is_alphanumeric() || "._-".contains(c));
    if !plain || !name.starts_with(char::is_alphanumeric) {
        return Err(AccountsError::LoginCharacters(text.to_owned()));
    }
    Ok(name.to_owned())
}

fn own_address(address: &MailAddress, own: &OwnDomains) -> Result<(), AccountsError> {
    if !own.contain(address) {
        return Err(AccountsError::ForeignDomain(address.clone()));
    }
    if address.local().contains('+') {
        return Err(AccountsError::Detail(address.clone()));
    }
    Ok(())
}

fn group_name(group: &Group) -> Result<(), AccountsError> {
    let name = &group.0;
    let one_word = name
        .chars()
        .all(|c| !c.is_control() && !c.is_whitespace() && c != ';' && c != ',');
    if name.is_empty() || name.len() > LONGEST_TEXT || !one_word {
        return Err(AccountsError::BadGroup(name.clone()));
    }
    Ok(())
}

/// A display name goes into mail headers, so it must not contain a line end.
fn plain_text(text: &str) -> Result<String, AccountsError> {
    let text = text.trim();
    if text.len() > LONGEST_TEXT || text.chars().any(char::is_control) {
        return Err(AccountsError::BadText(text.chars().take(60).collect()));
    }
    Ok(text.to_owned())
}
