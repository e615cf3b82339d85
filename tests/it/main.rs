mod address_books;
mod intake;
