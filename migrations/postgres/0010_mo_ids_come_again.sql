-- Carriers use their ids again: one that comes again from the same number may be another text.
ALTER TABLE mo DROP CONSTRAINT mo_gateway_carrier_id_phone_key;
CREATE INDEX mo_phone ON mo (phone, carrier_id);
