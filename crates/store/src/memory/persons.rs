use std::sync::Arc;

use async_trait::async_trait;
use procura_keys::clock::Timestamp;
use procura_people::password::PasswordHash;
use procura_people::person::{Email, Person, PersonId};

use super::MemoryTransaction;
use super::state::{length, rows_after};
use crate::people::PersonStore;
use crate::{Page, StoreError, StoreResult};

#[async_trait]
impl PersonStore for MemoryTransaction {
    async fn insert_person(&mut self, person: &Person) -> StoreResult<()> {
        let persons = Arc::make_mut(&mut self.change()?.persons);
        let taken = |other: &Person| other.id == person.id || other.email == person.email;
        if persons.values().any(taken) {
            return Err(StoreError::Conflict("person"));
        }
        persons.insert(person.id.clone(), person.clone());
        Ok(())
    }

    async fn find_person(&mut self, id: &PersonId) -> StoreResult<Option<Person>> {
        Ok(self.state.persons.get(id).cloned())
    }

    async fn find_person_by_email(&mut self, email: &Email) -> StoreResult<Option<Person>> {
        let mut persons = self.state.persons.values();
        Ok(persons.find(|person| person.email == *email).cloned())
    }

    async fn list_persons(&mut self, page: Page<PersonId>) -> StoreResult<Vec<Person>> {
        let persons = rows_after(&self.state.persons, page.after.as_ref());
        Ok(persons.take(length(page.limit)).cloned().collect())
    }

    async fn has_administrator(&mut self) -> StoreResult<bool> {
        let mut persons = self.state.persons.values();
        Ok(persons.any(|person| person.administrator && !person.disabled))
    }

    async fn set_password(
        &mut self,
        id: &PersonId,
        password: Option<&PasswordHash>,
        at: Timestamp,
    ) -> StoreResult<()> {
        let person = Arc::make_mut(&mut self.change()?.persons)
            .get_mut(id)
            .ok_or(StoreError::NotFound("person"))?;
        person.password = password.cloned();
        person.updated_at = at;
        Ok(())
    }

    async fn set_administrator(
        &mut self,
        id: &PersonId,
        administrator: bool,
        at: Timestamp,
    ) -> StoreResult<()> {
        let person = Arc::make_mut(&mut self.change()?.persons)
            .get_mut(id)
            .ok_or(StoreError::NotFound("person"))?;
        person.administrator = administrator;
        person.updated_at = at;
        Ok(())
    }

    async fn update_person(&mut self, person: &Person) -> StoreResult<()> {
        let persons = Arc::make_mut(&mut self.change()?.persons);
        let others = |other: &Person| other.id != person.id && other.email == person.email;
        let taken = persons.values().any(others);
        let known = persons.get_mut(&person.id);
        let known = known.ok_or(StoreError::NotFound("person"))?;
        if taken {
            return Err(StoreError::Conflict("person"));
        }
        known.email = person.email.clone();
        known.name = person.name.clone();
        known.administrator = person.administrator;
        known.updated_at = person.updated_at;
        Ok(())
    }

    async fn delete_person(&mut self, id: &PersonId) -> StoreResult<()> {
        let state = self.change()?;
        let removed = Arc::make_mut(&mut state.persons).remove(id);
        removed.ok_or(StoreError::NotFound("person"))?;
        Arc::make_mut(&mut state.sessions).retain(|_, session| session.person_id != *id);
        Arc::make_mut(&mut state.passkeys).retain(|_, passkey| passkey.person_id != *id);
        Arc::make_mut(&mut state.identities).retain(|_, identity| identity.person_id != *id);
        Arc::make_mut(&mut state.vault).retain(|_, entry| entry.person_id != *id);
        Arc::make_mut(&mut state.recovery_codes).retain(|(person, _)| person != id);
        Ok(())
    }

    async fn disable_person(
        &mut self,
        id: &PersonId,
        disabled: bool,
        at: Timestamp,
    ) -> StoreResult<()> {
        let person = Arc::make_mut(&mut self.change()?.persons)
            .get_mut(id)
            .ok_or(StoreError::NotFound("person"))?;
        person.disabled = disabled;
        person.updated_at = at;
        Ok(())
    }
}
