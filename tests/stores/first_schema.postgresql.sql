-- A ledger of the first schema (revision 0001) as pg_dump dumped it. Frozen: later schemas migrate from it.
CREATE FUNCTION public.events_refuse() RETURNS trigger
    LANGUAGE plpgsql
    AS $$ BEGIN RAISE EXCEPTION 'the ledger is append-only'; END $$;
CREATE TABLE public.callgate_schema (
    version_num character varying(32) NOT NULL
);
CREATE TABLE public.checkpoints (
    number bigint NOT NULL,
    statement text NOT NULL,
    signer bytea NOT NULL,
    signature bytea NOT NULL
);
CREATE TABLE public.events (
    seq bigint NOT NULL,
    writer text NOT NULL,
    n bigint NOT NULL,
    mark bigint,
    at text NOT NULL,
    kind text NOT NULL,
    call text,
    subject bytea,
    controller text,
    version integer NOT NULL,
    commitment bytea NOT NULL,
    hash bytea NOT NULL,
    salt bytea,
    body text,
    sealed bytea
);
CREATE TABLE public.ledger (
    identity text NOT NULL,
    created text NOT NULL,
    keys text NOT NULL,
    mark bigint NOT NULL,
    erasures bigint NOT NULL
);
CREATE TABLE public.open_calls (
    call text NOT NULL
);
CREATE TABLE public.subjects (
    id bigint NOT NULL,
    subject bytea NOT NULL,
    controller text NOT NULL,
    class text NOT NULL,
    created text NOT NULL,
    token bytea,
    master text,
    wrapped bytea,
    destroyed text
);
CREATE SEQUENCE public.subjects_id_seq
    START WITH 1
    INCREMENT BY 1
    NO MINVALUE
    NO MAXVALUE
    CACHE 1;
ALTER SEQUENCE public.subjects_id_seq OWNED BY public.subjects.id;
ALTER TABLE ONLY public.subjects ALTER COLUMN id SET DEFAULT nextval('public.subjects_id_seq'::regclass);
INSERT INTO public.callgate_schema VALUES ('0001');
INSERT INTO public.checkpoints VALUES (1, '{"at":"2026-11-24T12:00:00+00:00","before":"","heads":{"office":[3,"8a14d0f91ad22586c02ebbc89e0f9d41e451c55e6546fd7ccf36b9aff96b5f41"]},"ledger":"c1466444ae784635a43da2487fb9d4b3","mark":1,"number":1,"seq":3}', '\x8139770ea87d175f56a35466c34c7ecccb8d8a91b4ee37a25df60f5b8fc9b394', '\x55025bd4738212403e2c63a0f7e0a7603c8a6061e491ede3671c1fd285ef2d03fd616a759280c69f0c7079d68c9cb06acac3c21957f2a0187e611aa7d2862e02');
INSERT INTO public.events VALUES (1, 'office', 1, NULL, '2026-11-24T12:00:00.000000+00:00', 'verdict', 'c1', '\x01a20d6d5a0079c8a676b3a793aa0e0d', 'futura', 1, '\xb84d5afcda7b8fa624446c614bcb7a919c7a5c07059f5832118ce9e9a7e0f6a0', '\x444e2eefce08478684c0000e552c4b98c5cb8d1251c0ed309983527abb4a249b', '\x4547f5621ad7d7ec4180df800ffe2852', '{"outcome":"allow"}', '\xf1693c4c93ffbff80f52a7f51478092b847f12a4c1acb19dea5daddc26fc8409c2cd164e546bbe54a807a15ac7af0ed8817d0606bc');
INSERT INTO public.events VALUES (2, 'office', 2, NULL, '2026-11-24T12:00:00.000000+00:00', 'consent', 'c1', '\x01a20d6d5a00f0b4fb5ea38f33a35c05', 'futura', 1, '\x83cb44f6b77e5c826e3100a961e5ecb51c9247c83b8760f5babaf35e5cfc05d6', '\xf209019937b4ee4ed27fe7b1003da8d10602105cd952ff4f2375995895839fe5', '\xb7ee7d159cfdac8d1d74aaf1cfc048c9', '{"key":"1"}', '\xb2b015334a59fabf2f40437092dc58b2b4234f1935fa2eb3a8a35bccf30edd090276300190f5f9abaf3dbbb0d79f6fd1bb26020f48cc0b850099ff5c900fac48bf3e7a71314ab7110197ac6dfbbac894f167dbe86949c3');
INSERT INTO public.events VALUES (3, 'office', 3, 1, '2026-11-24T12:00:00.000000+00:00', 'objection', NULL, '\x01a20d6d5a009a0a082907c9395f80bc', 'futura', 1, '\x6e996f4b23e76528750caaa1173a304288f249d91354d3e6d7ade3b9f3c3eb20', '\x8a14d0f91ad22586c02ebbc89e0f9d41e451c55e6546fd7ccf36b9aff96b5f41', '\xef1089f94ee4f0ca01b5d32fe911f6f7', '{"tokens":[["k1",2145556639,350518446444905252]]}', '\xa23b1a5b4e2073c6765de910257664e52113b047f10a841a7433d2951e91de0c285fa2fc0575569f832aaa48a59ff9d67cbcb81db0');
INSERT INTO public.events VALUES (4, 'office', 4, NULL, '2026-11-24T12:00:00.000000+00:00', 'alarm', NULL, NULL, NULL, 1, '\x089b5f3e5362c868019c71fa92407f4777238793a2e9ea7dde80cb591ef08d3b', '\x03cdb398890dc6a58b1547a0bf5717759663ab69ed4717e70012c25f7af83fc6', '\x8b70723572504e7e1cf19c16c87334b9', '{"alarm":"after the checkpoint"}', NULL);
INSERT INTO public.ledger VALUES ('c1466444ae784635a43da2487fb9d4b3', '2026-11-24T12:00:00+00:00', 'c18af3d27469d628', 1, 0);
INSERT INTO public.open_calls VALUES ('c1');
INSERT INTO public.subjects VALUES (1, '\x01a20d6d5a0079c8a676b3a793aa0e0d', 'futura', 'contact', '2026-11-24T12:00:00.000000+00:00', '\xfdf502a1d80063a234df1b0ef0b20f6604b00a45f5609357bec8315dbf4f2498', 'first', '\xc100efeeb4704e8746874a599e2409ef1a9733c2b2da5e441b27d8e0fc741c070b8892e21b3d3c07ef01d9e055af495e700345339b1b877099c73561', NULL);
INSERT INTO public.subjects VALUES (2, '\x01a20d6d5a00f0b4fb5ea38f33a35c05', 'futura', 'proof', '2026-11-24T12:00:00.000000+00:00', '\xd8213f0d703c642819cc69180c06763a45cdb42445f530c158e8654e27edc05a', 'first', '\xfc3ae087c1f9ee546a9eb038210bade2b7b65055fa9f9d9950b6d7dc803381e891a114632cd9ef54f61b1e7ca4be8cd5ba5fd35f84c7a1f9cd09826e', NULL);
INSERT INTO public.subjects VALUES (3, '\x01a20d6d5a009a0a082907c9395f80bc', 'futura', 'proof', '2026-11-24T12:00:00.000000+00:00', '\x68ce4915c0d93cc6a95f146fd7f880a475ec8455ecc39e06c1a23660b3fb4cc7', 'first', '\xfa8e7c50f070e2334bc184a71fd5d30a3c35f081e7521b83a1036e4ad4df23d315898920563cbbeb5b947bde915b20f8dd0b3579aaa7cf228dd457e8', NULL);
SELECT pg_catalog.setval('public.subjects_id_seq', 3, true);
ALTER TABLE ONLY public.callgate_schema
    ADD CONSTRAINT callgate_schema_pkc PRIMARY KEY (version_num);
ALTER TABLE ONLY public.checkpoints
    ADD CONSTRAINT checkpoints_pkey PRIMARY KEY (number);
ALTER TABLE ONLY public.events
    ADD CONSTRAINT events_pkey PRIMARY KEY (seq);
ALTER TABLE ONLY public.ledger
    ADD CONSTRAINT ledger_pkey PRIMARY KEY (identity);
ALTER TABLE ONLY public.open_calls
    ADD CONSTRAINT open_calls_pkey PRIMARY KEY (call);
ALTER TABLE ONLY public.subjects
    ADD CONSTRAINT subjects_pkey PRIMARY KEY (id);
CREATE UNIQUE INDEX events_by_mark ON public.events USING btree (mark) WHERE (mark IS NOT NULL);
CREATE INDEX events_of_call ON public.events USING btree (call, kind) WHERE (call IS NOT NULL);
CREATE INDEX events_of_subject ON public.events USING btree (subject) WHERE (subject IS NOT NULL);
CREATE UNIQUE INDEX events_of_writer ON public.events USING btree (writer, n);
CREATE UNIQUE INDEX subjects_by_subject ON public.subjects USING btree (subject);
CREATE UNIQUE INDEX subjects_by_token ON public.subjects USING btree (token) WHERE (token IS NOT NULL);
CREATE TRIGGER events_refuse_delete BEFORE DELETE ON public.events FOR EACH ROW EXECUTE FUNCTION public.events_refuse();
CREATE TRIGGER events_refuse_truncate BEFORE TRUNCATE ON public.events FOR EACH STATEMENT EXECUTE FUNCTION public.events_refuse();
CREATE TRIGGER events_refuse_update BEFORE UPDATE ON public.events FOR EACH ROW WHEN (((new.seq IS DISTINCT FROM old.seq) OR (new.writer IS DISTINCT FROM old.writer) OR (new.n IS DISTINCT FROM old.n) OR (new.mark IS DISTINCT FROM old.mark) OR (new.at IS DISTINCT FROM old.at) OR (new.kind IS DISTINCT FROM old.kind) OR (new.call IS DISTINCT FROM old.call) OR (new.subject IS DISTINCT FROM old.subject) OR (new.controller IS DISTINCT FROM old.controller) OR (new.version IS DISTINCT FROM old.version) OR (new.commitment IS DISTINCT FROM old.commitment) OR (new.hash IS DISTINCT FROM old.hash) OR (new.salt IS NOT NULL) OR (new.body IS NOT NULL) OR (new.sealed IS NOT NULL))) EXECUTE FUNCTION public.events_refuse();
