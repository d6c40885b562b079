import {
  addTransactionalDataSource,
  initializeTransactionalContext,
  runInTransaction,
  StorageDriver,
} from 'typeorm-transactional';
import { matrix } from './matrix.js';

initializeTransactionalContext({ storageDriver: StorageDriver.ASYNC_LOCAL_STORAGE });

// Within the transaction, the manager of the data source is that of the transaction, wherever it is read.
matrix('postgres', {
  prepareDataSource: addTransactionalDataSource,
  around: (write) => (_, dataSource) => runInTransaction(() => write(dataSource.manager, dataSource)),
});
