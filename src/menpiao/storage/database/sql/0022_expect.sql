-- Ends a transaction that has met other rows than it was decided on, as a serialization failure.
CREATE FUNCTION menpiao_expect(met bigint, expected bigint) RETURNS boolean
LANGUAGE plpgsql AS $$
BEGIN
    IF met <> expected THEN
        RAISE EXCEPTION 'met % rows where % were expected', met, expected USING ERRCODE = '40001';
    END IF;
    RETURN true;
END
$$;
